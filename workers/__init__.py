"""The Ray side of a trial: placement, the worker actor, its training."""
