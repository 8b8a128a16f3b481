"""Commands that change a search die at any moment, are repeated, and keep their promises.

`make chaos-verbs` kills each of them a hundred times.
"""

import pytest
from verbs import VERBS, Place, cut_short

from alignsearch.cli.app import app

KILLS = 3


@pytest.fixture(scope="module")
def place(server_uri, commands, tmp_path_factory):
    return Place(server_uri, commands, tmp_path_factory.mktemp("verbs"))


def run(arguments):
    app([str(each) for each in arguments], standalone_mode=False)


def test_a_rename_that_is_killed_is_finished_by_the_same_command(place):
    place.kill(VERBS["rename"], 0)


@pytest.mark.parametrize("seed", range(KILLS))
@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_killed_at_a_random_moment_and_repeated_a_verb_keeps_its_promise(place, verb, seed):
    place.kill(verb, seed)


@pytest.mark.parametrize(
    "verb", [each for each in VERBS.values() if each.in_process], ids=lambda each: each.name
)
def test_cut_before_each_of_its_writes_and_repeated_a_verb_keeps_its_promise(place, verb):
    assert cut_short(place, verb, run) > 0
