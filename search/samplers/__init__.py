"""Samplers: algorithms that suggest the points of a search, one file each."""
