"""Commands that change a search die at any moment, are repeated, and keep their promises.

`make chaos-verbs` kills each of them a hundred times.
"""

import pytest
from verbs import VERBS, Place, cut_short

from alignsearch.cli.app import app


@pytest.fixture(scope="module")
def place(server_uri, commands, tmp_path_factory):
    return Place(server_uri, commands, tmp_path_factory.mktemp("verbs"))


@pytest.fixture(scope="module")
def mongod_place(mongo, commands, tmp_path_factory):
    return Place(mongo.uri, commands, tmp_path_factory.mktemp("verbs"))


def run(arguments):
    app([str(each) for each in arguments], standalone_mode=False)


def test_a_rename_that_is_killed_is_finished_by_the_same_command(place):
    place.kill(VERBS["rename"], 0)


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_killed_at_a_random_moment_and_repeated_a_verb_keeps_its_promise(place, verb):
    place.kill(verb, seed=0)


@pytest.mark.parametrize(
    "verb", [each for each in VERBS.values() if each.in_process], ids=lambda each: each.name
)
def test_cut_before_each_of_its_writes_and_repeated_a_verb_keeps_its_promise(place, verb):
    assert cut_short(place, verb, run) > 0


MOVES = ("dump", "load", "load-as", "retain")
"""Verbs of whole searches, which are killed on a MongoDB, too."""


@pytest.mark.parametrize("verb", MOVES)
def test_killed_on_a_mongodb_and_repeated_a_copy_or_a_deletion_is_whole(mongod_place, verb):
    mongod_place.kill(VERBS[verb], seed=0)


@pytest.mark.parametrize("verb", [each for each in MOVES if VERBS[each].in_process])
def test_cut_before_each_write_on_a_mongodb_and_repeated_it_is_whole(mongod_place, verb):
    assert cut_short(mongod_place, VERBS[verb], run) > 0
