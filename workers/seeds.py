"""Random seeds of trials, which follow from the search's seed and the number of the trial."""

import numpy as np

from alignsearch.search.documents import Search, Trial


def seed_of(search: Search, trial: Trial) -> int:
    """Return the trial's random seed, from 0 to 2**31 - 1; every attempt has the same.

    Seeds of different trials are independent streams of `numpy.random.SeedSequence`.
    """
    return int(np.random.SeedSequence([search.seed, trial.tid, 1]).generate_state(1)[0] >> 1)
