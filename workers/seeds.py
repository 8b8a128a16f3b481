"""Random seeds of trials, which follow from the search's seed and the number of the trial."""

import numpy as np

from alignsearch.search.documents import Search, Trial


def seed_of(search: Search, trial: Trial) -> int:
    """Return the trial's random seed, from 0 to 2**31 - 1; every attempt has the same.

    Seeds of different trials are independent streams of `numpy.random.SeedSequence`. That of a
    confirmation follows from the trial that it repeats and the repetition's number, so that it is
    the same whenever the search is confirmed.
    """
    origin = trial.origin
    stream = [trial.tid, 1]
    if trial.is_confirmation and origin is not None:
        # The entropy is padded with zeros, but repetitions count from 1.
        stream = [origin.of or 0, 2, origin.repeat or 1]
    return int(np.random.SeedSequence([search.seed, *stream]).generate_state(1)[0] >> 1)
