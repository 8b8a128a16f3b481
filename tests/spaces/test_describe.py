import json

import pytest

from alignsearch.spaces.catalog import SPACES, get_space
from alignsearch.spaces.configuration import Configuration
from alignsearch.spaces.describe import describe, to_json


@pytest.mark.parametrize("name", SPACES)
def test_a_description_has_the_rows_of_table_5_in_order(name):
    assert [row.name for row in describe(SPACES[name])] == list(Configuration.model_fields)


def test_a_description_gives_distribution_and_source():
    rows = {row.name: row for row in describe(get_space("wm_ad"))}
    assert rows["beta"].distribution == "log-uniform in [1e-11, 1e7]"
    assert rows["alpha_over_beta"].distribution == "uniform in [0.1, 200]"
    assert rows["train_batch_size"].distribution == "one of 256, 1024, 2048, 4096"
    assert rows["sgdm_learning_rate"].distribution == "train_batch_size / 2048"
    assert rows["alignment_optimizer"].distribution == "fixed at Adam"
    assert [rows[name].kind for name in ("beta", "sgdm_learning_rate", "gamma")] == [
        "sampled",
        "derived",
        "fixed",
    ]
    assert rows["beta"].source == "Kunin et al. 2020, App. B.1.1"
    assert rows["alignment_learning_rate"].source == "Kunin et al. 2020, App. B.1.2"


@pytest.mark.parametrize("name", SPACES)
def test_the_json_form_survives_json_and_names_everything(name):
    data = json.loads(json.dumps(to_json(SPACES[name]), allow_nan=False))
    entries = [*data["sampled"], *data["fixed"], *data["derived"]]
    assert {entry["name"] for entry in entries} == set(Configuration.model_fields)
    assert data["space_hash"] == SPACES[name].space_hash
