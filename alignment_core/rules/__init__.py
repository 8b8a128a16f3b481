"""Learning rules: primitives, their weighted sums and the backward pass they act on."""
