"""Figures and tables of the experiments, a module for each, and the libraries that draw them."""
