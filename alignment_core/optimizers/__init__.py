"""How each part of the total loss is optimized: rates over time, and the optimizers."""
