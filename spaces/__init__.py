"""Search spaces: the four of Kunin et al. 2020, App. B.1, Table 5, and the published presets."""
