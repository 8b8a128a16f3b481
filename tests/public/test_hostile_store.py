"""Python reads a store with a damaged document: frames, the best trial, HyperOpt's trials."""

import pytest
from hostile_store import DAMAGES, HURT, SOUND, TRIALS, fill

import alignsearch
from alignment_core.errors import AlignSearchError
from alignsearch.store_trials import StoreTrials

UNSEEN = {
    *("an unreadable search", "a search of a newer version"),
    "a search in a newer version's state",
}
UNREADABLE = {
    "an unreadable trial": 1,
    "a trial in a newer version's state": 1,
    "an unreadable best trial": TRIALS - 1,
    "a lost best trial": TRIALS - 1,
}
"""The trial that readers don't see."""
EPOCH_LOST = {"an unreadable epoch", "an epoch of a newer version"}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_takes_only_itself_out_of_sight(damage, store, store_uri, make_search):
    fill(store, make_search)
    DAMAGES[damage](store)
    with alignsearch.open_search(SOUND, store=store_uri) as sound:
        assert list(sound.trials().index) == list(range(TRIALS))
        assert len(sound.epochs()) == 2 * TRIALS
    assert len(StoreTrials(SOUND, store=store_uri)) == TRIALS
    if damage in UNSEEN:
        for read in (alignsearch.open_search, StoreTrials):
            with pytest.raises(AlignSearchError, match=HURT):
                read(HURT, store=store_uri)
        return
    lost = UNREADABLE.get(damage)
    left = [tid for tid in range(TRIALS) if tid != lost]
    with alignsearch.open_search(HURT, store=store_uri) as hurt:
        assert list(hurt.trials().index) == left
        assert len(hurt.epochs()) == 2 * len(left) - (damage in EPOCH_LOST)
        assert len(hurt.epochs(0)) == 2 - (damage in EPOCH_LOST)
        assert hurt.best().number == left[-1]
        assert hurt.summary().finished >= len(left)
    trials = StoreTrials(HURT, store=store_uri)
    assert trials.tids == left
    assert trials.best_trial["tid"] == left[-1]
