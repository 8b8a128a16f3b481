"""Training of one network under one learning rule."""
