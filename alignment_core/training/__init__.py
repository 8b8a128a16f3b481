"""Training one network under one learning rule."""
