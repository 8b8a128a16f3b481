import json

import pytest
from hyperopt import hp

from alignsearch.spaces.catalog import SPACES, get_space
from alignsearch.spaces.configuration import Configuration
from alignsearch.spaces.describe import describe, to_json
from alignsearch.spaces.hyperopt_space import from_hyperopt
from alignsearch.spaces.table5 import TABLE


@pytest.mark.parametrize("name", SPACES)
def test_a_description_has_the_rows_of_table_5_in_order(name):
    assert [row.name for row in describe(SPACES[name], TABLE)] == list(Configuration.model_fields)


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


def test_conditions_are_described_in_words_and_as_data():
    space = from_hyperopt(
        {
            "model": hp.choice("model", [{"kind": "a", "x": hp.uniform("x", 0, 1)}, "b"]),
            "twice": 2 * hp.uniform("y", 0, 1) + 1,
            "tag": "c",
        }
    )
    rows = {row.name: row for row in describe(space)}
    assert rows["x"].condition == "model = a"
    assert rows["model"].condition == ""
    assert (rows["twice"].kind, rows["twice"].distribution) == ("derived", "(2 * y) + 1")
    assert rows["tag"].distribution == "fixed at c"
    sampled = {each["name"]: each for each in to_json(space)["sampled"]}
    assert sampled["x"]["conditions"] == [[["model", "a"]]]
    assert "conditions" not in sampled["model"]
