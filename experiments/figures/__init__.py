"""Figures and tables of the experiments, one module for each."""
