"""Figures and the web app."""
