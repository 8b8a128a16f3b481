"""Keras layers with a learning rule, and the products that they compute."""
