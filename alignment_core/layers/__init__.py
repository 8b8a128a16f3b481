"""Keras layers whose backward pass has a kernel of its own."""
