"""Samplers: algorithms that suggest the next point of a search space."""
