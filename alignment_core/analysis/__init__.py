"""Analyses: the paper's learning dynamics, fits to neural recordings, and the cost of steps."""
