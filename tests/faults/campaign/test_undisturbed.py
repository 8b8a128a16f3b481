"""A training that nothing struck has one loss, and another one is found."""

import pytest

from alignsearch.search.documents import Recipe, Search, Trial
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.table5 import PUBLISHED
from campaign.undisturbed import changed


@pytest.mark.timeout(1800)
def test_a_loss_that_a_training_alone_does_not_have_is_found():
    search = Search(
        name="trained",
        space="ia",
        space_hash=get_space("ia").space_hash,
        recipe=Recipe(dataset="digits", model="dense", width=8, stem="none", epochs=1),
        trials=1,
        parallel=1,
        seed=0,
        startup=0,
        created_by="a test",
    )
    config = PUBLISHED["ia"].model_dump() | {"train_batch_size": 256, "delay_epochs": 0}
    trial = Trial(id="trained/0", search="trained", tid=0, state="completed", config=config)
    # As the store has it.
    search = search.to_bson() | {"change": "a mark"}
    (found,) = changed([search], [{**trial.to_bson(), "result": {"status": "ok", "loss": 2.0}}])
    loss = float(found.what.split()[-2])
    assert 0 < loss < 1
    assert changed([search], [{**trial.to_bson(), "result": {"status": "ok", "loss": loss}}]) == []
