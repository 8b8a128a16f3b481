"""Limits of the values that people may ask for; stored documents are read without them."""

LARGEST = 2**31 - 1
"""The largest whole number of any option: every store and JavaScript hold it exactly."""

LONGEST_TEXT = 4096
"""The most characters of any text: no file system takes a longer path."""

MOST_PARALLEL = 10_000
"""Limits the slots of one search, because its driver looks at each slot several times a second."""

MOST_REPEATED = 1000
"""The most trials that a confirmation repeats, and the most repetitions of one: a driver keeps so
many of the best trials in memory, and people who ask for more have mistyped."""
