"""The rules of the house: arrows go one way, no file circles, sizes, packages, first words."""

import ast
from pathlib import Path

import pytest
import tiers
import words
from house import (
    FOLDERS,
    NOT_OURS,
    ROOT,
    SCRIPTS,
    SETTINGS,
    circles,
    imports,
    modules,
    named,
    outside_imports,
    script_imports,
)

LONGEST_FILE = 400
"""Lines: more than this is more than one thing in a file."""

ROOMS = (
    ("alignsearch", "alignsearch.cli", "alignsearch.doctor"),
    ("alignsearch.dashboards", "alignsearch.experiments", "alignsearch.workers"),
    ("alignsearch.search",),
    ("alignsearch.spaces",),
    ("alignment_core",),
)
"""From the top down: a room imports rooms of the lines below its own."""

SEARCH = (
    ("use_cases",),
    ("driver", "reports"),
    ("samplers", "pruners", "store", "attempts", "trackers"),
    ("documents",),
)
"""The same inside `alignsearch.search`."""


def level_of(name, levels):
    """Return the line of a module's room in `levels`, and the room's name."""
    found = [
        (len(room), level, room)
        for level, line in enumerate(levels)
        for room in line
        if name == room or name.startswith(f"{room}.")
    ]
    _, level, room = max(found)
    return level, room


def against(levels, graph):
    """Return the arrows of a graph that go up, or to a neighbour in the same line."""
    wrong = []
    for name, others in graph.items():
        level, room = level_of(name, levels)
        for other in others:
            below, target = level_of(other, levels)
            top = level == 0 == below
            if room != target and below <= level and not top:
                wrong.append(f"{name} -> {other}")
    return sorted(wrong)


def test_rooms_import_only_rooms_below_them():
    assert against(ROOMS, imports()) == []


def test_inside_search_arrows_go_one_way():
    inside = "alignsearch.search."
    levels = tuple(tuple(f"{inside}{room}" for room in line) for line in SEARCH)
    known = [name for name in imports() if name.startswith(inside)]
    strangers = {name.split(".")[2] for name in known} - {room for line in SEARCH for room in line}
    assert strangers == set()
    graph = {name: {o for o in imports()[name] if o.startswith(inside)} for name in known}
    assert against(levels, graph) == []


def test_the_arrows_of_wrong_houses_are_found():
    assert against(ROOMS, {"alignsearch.spaces.x": {"alignsearch.search.y"}})
    assert against(ROOMS, {"alignsearch.workers.x": {"alignsearch.dashboards.y"}})
    assert against(ROOMS, {"alignment_core.x": {"alignsearch"}})
    assert not against(ROOMS, {"alignsearch.cli.x": {"alignsearch.doctor", "alignsearch"}})
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


@pytest.mark.parametrize(
    ("room", "strangers"),
    [
        ("alignsearch.search.samplers", {"pymongo", "bson", "prometheus_client", "ray"}),
        ("alignsearch.search.pruners", {"pymongo", "bson", "prometheus_client", "ray"}),
        ("alignsearch.search.trackers", {"pymongo", "prometheus_client", "ray", "tensorflow"}),
        ("alignsearch.search.documents", {"pymongo", "prometheus_client", "ray", "tensorflow"}),
        ("alignsearch.search.store", {"ray", "tensorflow", "hyperopt"}),
        ("alignment_core", {"pymongo", "ray", "hyperopt", "typer"}),
    ],
)
def test_a_room_does_without_packages_that_are_not_its_business(room, strangers):
    files = {name: path for name, path in modules().items() if f"{name}.".startswith(f"{room}.")}
    assert files
    found = {name: outside_imports(path) & strangers for name, path in files.items()}
    assert {name: names for name, names in found.items() if names} == {}


def test_only_the_store_knows_pymongo():
    users = {name for name, path in modules().items() if "pymongo" in outside_imports(path)}
    assert users
    assert [name for name in sorted(users) if not name.startswith("alignsearch.search.store")] == []


def test_the_client_imports_nothing_of_the_server():
    client = "alignsearch.dashboards.client"
    names = [name for name in imports() if f"{name}.".startswith(f"{client}.")]
    known, new = set(), set(names)
    while new:
        known |= new
        new = {other for name in new for other in imports()[name]} - known
    server = ("alignsearch.dashboards.web", "alignsearch.dashboards.live")
    assert sorted(name for name in known if name.startswith(server)) == []
    strangers = {"fastapi", "starlette", "uvicorn"}
    assert [name for name in sorted(known) if outside_imports(modules()[name]) & strangers] == []


def test_no_circle_of_files():
    assert circles(imports()) == []
    assert circles(script_imports()) == []


def test_no_file_is_longer_than_one_thing():
    folders = [*(ROOT / folder for folder in set(FOLDERS.values())), ROOT / "tests", ROOT / "locks"]
    files = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in {".py", ".js", ".mjs", ".css"}
        and not {NOT_OURS, "node_modules"} & set(path.relative_to(ROOT).parts)
    ]
    assert len(files) > 200
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_the_packages_that_are_installed_are_all_there_are():
    named = SETTINGS["packages"]
    assert len(named) == len(set(named))
    there = {name for name, path in modules().items() if path.name == "__init__.py"}
    assert set(named) == there
    # A module in a folder without __init__.py would be in no wheel.
    assert {name.rpartition(".")[0] for name in modules() if "." in name} <= there


def test_nothing_asks_for_an_old_name():
    old = {folder for folder in FOLDERS.values() if folder != "alignment_core"}
    files = [*modules().values(), *(ROOT / "tests").rglob("*.py")]
    found = {str(path.relative_to(ROOT)): outside_imports(path) & old for path in files}
    assert {name: names for name, names in found.items() if names} == {}


def test_texts_begin_with_the_thing_that_they_describe():
    found = {
        f"{path.relative_to(ROOT)}:{number}": said[:60]
        for path in words.sources(ROOT)
        for number, said in words.refused(path)
    }
    assert found == {}


def test_no_merge_has_left_a_mark():
    marks = ("<<<<<<< ", "=======\n", ">>>>>>> ")
    found = [
        str(path.relative_to(ROOT))
        for path in words.sources(ROOT)
        if any(f"\n{mark}" in path.read_text() for mark in marks)
    ]
    assert found == []


def test_texts_with_a_refused_first_word_are_found(tmp_path):
    python = tmp_path / "module.py"
    python.write_text(
        '"""What it is."""\nX = 1\n"""Of X."""\n'
        'def f(a=Option(help=f"Whoever {X}", rich_help_panel="What")):\n    """Such."""\n'
        '    """Whether."""\n'
    )
    assert sorted(number for number, _ in words.refused(python)) == [1, 3, 4, 5, 6]
    python.write_text(
        '"""Some.\n\nIt is so. Of it:\n"""\n# One thing\n# is so. What is not?\nx = 1  # Often.\n'
    )
    assert sorted(number for number, _ in words.refused(python)) == [1, 5]
    script = tmp_path / "script.js"
    script.write_text(
        "// What is\n// Of this\nlet a; // Such\n/** Of that. */\n/*\n * Of it\n */\n"
    )
    assert [number for number, _ in words.refused(script)] == [1, 4, 6]
    document = tmp_path / "document.md"
    document.write_text(
        "# What\nOf no matter\n## Often\nIt is\nso. Such\nis life.\n```\nOf code\n```\n**What**\n"
    )
    assert [number for number, _ in words.refused(document)] == [1, 2, 4, 10]


def test_the_scripts_of_the_dashboard_are_found():
    graph = script_imports()
    assert len(graph) > 20
    assert any(graph.values())
    assert SCRIPTS.is_dir()


def test_the_table_of_slow_tests_names_tests_that_exist():
    there = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in named(path)
        if isinstance(node, ast.FunctionDef)
    }
    assert sorted({*tiers.SLOW, *tiers.KEPT, *tiers.LONG, *tiers.ON_MONGOD} - there) == []
    places = (*tiers.SLOW_PLACES, *tiers.LONG_FOLDERS)
    assert [name for name in places if not Path(ROOT, "tests", name).exists()] == []
