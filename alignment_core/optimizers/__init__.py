"""Optimizers and learning rate schedules for each part of the total loss J + R."""
