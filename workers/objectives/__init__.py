"""Objectives: the functions that a worker evaluates for a trial."""
