"""Learning rules without weight symmetry: layers, rules, optimizers, models, data, training.

Source of the science: Kunin et al., "Two Routes to Scalable Credit Assignment
without Weight Symmetry", 2020. Nothing here knows of searches.
"""
