"""Learning rules: the primitives, the backward pass that they are computed in, and their sums."""
