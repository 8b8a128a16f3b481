"""Analyses of the paper's appendix: learning dynamics, and fits to neural recordings."""
