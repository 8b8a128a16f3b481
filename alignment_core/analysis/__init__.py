"""What the paper's appendix derives and measures, beside training."""
