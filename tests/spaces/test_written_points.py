"""Points as people write them: values by label or name, options as they are shown."""

import pytest
from nested_search import SPACE

from alignment_core.errors import AlignSearchError, UnknownNameError
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.written_points import written_point

WM = {"sigma": "0.5", "alpha_over_beta": "15", "beta": "1e-3"}
FOREST = {"model": "forest", "trees": 20, "depth": None, "scale %": "-1.5"}


def test_values_are_texts_or_numbers_and_options_are_written_as_shown():
    assert written_point(get_space("wm"), WM) == {
        "sigma": 0.5,
        "alpha_over_beta": 15.0,
        "beta": 0.001,
    }
    point = written_point(SPACE, FOREST)
    assert SPACE.values(point) == {"model": "forest", "trees": 20, "depth": None, "scale %": -1.5}
    assert SPACE.check_point(point) is None
    assert written_point(SPACE, {key: str(value) for key, value in FOREST.items()}) == point
    # The order of writing doesn't matter: the point is a search's own.
    assert list(written_point(SPACE, dict(reversed(FOREST.items())))) == list(point)


def test_a_number_keeps_all_of_its_digits():
    value = 0.1 + 0.2
    assert written_point(get_space("wm"), {**WM, "sigma": value})["sigma"] == value
    assert written_point(get_space("wm"), {**WM, "sigma": repr(value)})["sigma"] == value


def test_a_dimension_has_a_name_for_people_too():
    names = {"Noise": "sigma"}
    given = {"Noise": 0.5, "alpha_over_beta": 15, "beta": 1e-3}
    assert written_point(get_space("wm"), given, names) == written_point(get_space("wm"), WM)
    with pytest.raises(AlignSearchError, match="sigma is given twice"):
        written_point(get_space("wm"), {**given, "sigma": 0.5}, names)


WRONG = {
    "a number outside": (get_space("wm"), {**WM, "sigma": 7}, "sigma can't be 7: it is uniform in"),
    "words": (get_space("wm"), {**WM, "sigma": "much"}, "sigma can't be much: it is uniform in"),
    "nan": (get_space("wm"), {**WM, "sigma": float("nan")}, "sigma can't be nan"),
    "infinity": (get_space("wm"), {**WM, "sigma": "inf"}, "sigma can't be inf"),
    "a truth for a number": (get_space("wm"), {**WM, "sigma": True}, "sigma can't be True"),
    "no value": (get_space("wm"), {**WM, "sigma": None}, "sigma can't be None"),
    "one missing": (get_space("wm"), {"sigma": 0.5, "beta": 1}, "alpha_over_beta is missing"),
    "an unknown option": (SPACE, {**FOREST, "model": "tree"}, "it is one of machine, forest"),
    "an inactive one": (SPACE, {**FOREST, "gamma": 1.0}, "gamma is inactive with these choices"),
    "between two steps": (SPACE, {**FOREST, "trees": 25}, "trees can't be 25: it is a multiple"),
    "a page of text": (get_space("wm"), {**WM, "sigma": "x" * 5000}, "sigma can't be x{80}…: it"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_point_is_refused_by_its_dimension(case):
    space, values, said = WRONG[case]
    with pytest.raises(AlignSearchError, match=said) as refused:
        written_point(space, values)
    assert len(str(refused.value)) < 400


def test_an_unknown_dimension_is_named_with_those_like_it():
    with pytest.raises(UnknownNameError, match=r"'sigmma'.*did you mean sigma"):
        written_point(get_space("wm"), {**WM, "sigmma": 1})
