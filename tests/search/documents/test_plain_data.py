"""Keys and values of users on their way into a store and back, and what is refused."""

import random
import string
from enum import IntEnum
from typing import Annotated

import bson
import numpy as np
import pytest
from pydantic import ValidationError

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Document, Epoch, Result, Trial
from alignsearch.search.documents.plain_data import (
    MOST_LEVELS,
    UserData,
    escape_key,
    from_stored,
    plain,
    to_stored,
    unescape_key,
)

AWKWARD = (
    "",
    ".",
    "$",
    "%",
    "a.b",
    "$set",
    "%2E",
    "100%",
    "%:1",
    "%%",
    "a%2",
    "é",
    "_id",
    " ",
    "0",
)


@pytest.mark.parametrize("key", [*AWKWARD, 0, -3, 1.5, True, False, None])
def test_a_key_comes_back_with_its_type(key):
    stored = escape_key(key)
    assert unescape_key(stored) == key
    assert type(unescape_key(stored)) is type(key)
    assert stored
    assert not set(stored) & {".", "$", "\0"}


def test_different_keys_stay_different():
    chance = random.Random(0)
    letters = ".$%:2E5" + string.ascii_letters
    keys = {"".join(chance.choices(letters, k=chance.randint(0, 6))) for _ in range(20_000)}
    stored = {escape_key(key) for key in keys}
    assert len(stored) == len(keys)
    assert {unescape_key(each) for each in stored} == keys


def test_usual_keys_are_stored_as_they_are():
    assert to_stored({"sigma": 0.5, "fo_relu": True}) == {"sigma": 0.5, "fo_relu": True}


def test_nested_data_survive_bson():
    data = {key: {key: [{key: 2**40}, None, "x"]} for key in AWKWARD}
    stored = bson.decode(bson.encode(to_stored(data)))
    back = from_stored(stored)
    assert back == data
    assert type(back["a.b"]["a.b"][0]["a.b"]) is int


class Level(IntEnum):
    HIGH = 3


def test_numpys_values_and_tuples_become_plain():
    given = {"a": np.float64(0.5), "b": (np.int64(3), np.array([[1, 2]])), "c": Level.HIGH}
    made = plain(given, "config")
    assert made == {"a": 0.5, "b": [3, [[1, 2]]], "c": 3}
    assert [type(made["a"]), type(made["b"][0]), type(made["c"])] == [float, int, int]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"model": [1, object()]}, r"config\['model'\]\[1\] is no plain data but a object"),
        ({"f": print}, r"config\['f'\] is no plain data"),
        ({(1, 2): 3}, r"a key of config is no text or number: \(1, 2\)"),
        ({"a\0b": 1}, "a key of config has a NUL character"),
        ({"a": "\ud800"}, r"config\['a'\] is no valid Unicode"),
        ({"a": 2**63}, r"config\['a'\] is an integer of more than 64 bits"),
        ({"a": {1, 2}}, r"config\['a'\] is no plain data but a set"),
    ],
)
def test_what_no_store_can_hold_is_refused_with_its_place(value, why):
    with pytest.raises(ConfigurationError, match=why):
        plain(value, "config")


def test_data_may_be_as_deep_as_a_document_can_be():
    deep = 1
    for _ in range(MOST_LEVELS):
        deep = {"a": deep}
    trial = Trial(id="s/0", search="s", tid=0, config=deep)
    assert Trial.from_bson(bson.decode(bson.encode(trial.to_bson()))) == trial
    with pytest.raises(ConfigurationError, match="more than 80 levels"):
        plain({"a": deep}, "config")


class Holder(Document):
    data: Annotated[dict[str, float], UserData()]


def test_a_field_is_escaped_in_bson_only():
    holder = Holder(data={"a.b": 1.0})
    assert holder.to_bson() == {"data": {"a%2Eb": 1.0}}
    assert holder.model_dump() == {"data": {"a.b": 1.0}}
    assert holder.model_dump(mode="json") == {"data": {"a.b": 1.0}}
    assert Holder.from_bson({"data": {"a%2Eb": 1.0}}) == holder
    assert Holder(data={"a%2Eb": 1.0}) != holder


def test_every_part_of_a_trial_that_users_name_is_escaped():
    trial = Trial(
        id="s/0",
        search="s",
        tid=0,
        config={"$model": {"lr.0": 0.1}},
        point={"lr.0": 0.1, "%": 1},
        result=Result(status="ok", loss=0.5, metrics={"top.5": 0.9}),
    )
    epoch = Epoch(trial="s/0", attempt=1, epoch=0, metrics={"$loss.a": 1.0}, seconds=0.1)
    for document in (trial, epoch):
        stored = document.to_bson()
        assert list(keys_of(stored)) == [key for key in keys_of(stored) if not set(key) & set(".$")]
        assert type(document).from_bson(bson.decode(bson.encode(stored))) == document


def keys_of(value):
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from keys_of(each)


def test_a_field_of_numbers_takes_no_text():
    with pytest.raises(ValidationError, match="valid number"):
        Holder(data={"a": "many"})
