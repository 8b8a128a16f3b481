"""Searches made of a submission: of a shipped definition, of a file's, and of a bare space."""

from dataclasses import replace

import pytest
from hyperopt import hp

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import Trial, metric_of, space_of
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.reports.best import column_of
from alignsearch.search.use_cases.defined import named_definition, refuse_own
from alignsearch.search.use_cases.new_search import (
    Surroundings,
    create,
    prepare,
    with_earlier,
)
from alignsearch.search.use_cases.submission import Submission
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.definition import Definition, Row, Table
from alignsearch.spaces.hyperopt_space import from_hyperopt

AROUND = Surroundings(
    capacity=lambda resources: ({"CPU": 1.0}, 8),
    check_data=lambda *given: None,
    own_checkpoints=None,
)
FILE = """
from hyperopt import hp
from alignsearch.spaces.definition import Definition
from alignsearch.spaces.hyperopt_space import from_hyperopt

SPACE = {"lr": hp.loguniform("lr", -9, 0), "layers": hp.choice("layers", [1, 2, 4])}


def score(config, trial):
    return config["lr"]


search = Definition(
    space=from_hyperopt(SPACE, name="mine"),
    objective=score,
    metric="top_1",
    direction="maximize",
    labels={"lr": "learning rate"},
)
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FILE)


def prepared(space, *, program=(), definition=None, **fields):
    asked = Submission(space=space, **fields)
    return prepare(asked, "ann", AROUND, definition=definition, program=program)


def test_a_shipped_definition_trains_its_space():
    search = prepared("ia", trials=30)
    assert search.definition.source.kind == "shipped"
    assert search.definition.objective.kind == "training"
    assert space_of(search) == get_space("ia")
    assert search.space_hash == get_space("ia").space_hash
    assert metric_of(search).name == "validation_error"
    assert [row.name for row in search.definition.table][6] == "σ"
    assert search.recipe.dataset == "digits"


def test_a_file_is_recorded_by_its_hash_and_never_by_its_code(file, tmp_path):
    search = prepared("mine.py:search", trials=30)
    source = search.definition.source
    assert (source.kind, source.address) == ("file", "mine.py:search")
    assert source.path == str(tmp_path / "mine.py")
    assert len(source.sha256) == 64
    assert "hyperopt" in source.packages
    objective = search.definition.objective
    assert (objective.kind, objective.address.rpartition(":")[2]) == ("function", "score")
    assert search.recipe is None
    assert str(metric_of(search)) == "top 1, maximized"
    assert search.definition.labels == {"lr": "learning rate"}
    assert "def score" not in str(search.to_bson())


def test_options_of_a_training_are_refused_where_nothing_is_trained(file):
    with pytest.raises(ConfigurationError, match="--epochs has no use: mine"):
        prepared("mine.py:search", epochs=3)


def test_a_bare_space_takes_a_program_or_a_rehearsal(file):
    with pytest.raises(ConfigurationError, match="a space without an objective"):
        prepared("mine.py:SPACE")
    search = prepared("mine.py:SPACE", program=["python", "train.py", "--lr", "{lr}", "a b"])
    objective = search.definition.objective
    assert (objective.kind, objective.address) == (
        "program",
        "python train.py --lr '{lr}' 'a b'",
    )
    rehearsed = prepared("mine.py:SPACE", dataset="rehearsal", epochs=2)
    assert rehearsed.definition.objective.kind == "rehearsal"
    assert rehearsed.recipe.epochs == 2


@pytest.mark.parametrize(
    ("space", "fields", "why"),
    [
        ("mine.py:search", {}, "has an objective of its own: leave the program 'python t.py' out"),
        ("ia", {}, "has an objective of its own"),
        ("mine.py:SPACE", {"dataset": "rehearsal"}, "--dataset rehearsal runs no program"),
        ("mine.py:SPACE", {"own_process": True}, "--own-process has no use"),
    ],
)
def test_a_program_goes_with_a_bare_space_alone(file, space, fields, why):
    with pytest.raises(ConfigurationError, match=why):
        prepared(space, program=["python", "t.py"], **fields)


def test_a_space_is_fixed_and_narrowed():
    search = prepared("ia", fix=["bo_relu=False"], range=["gamma=1e-8:1"])
    space = space_of(search)
    assert "bo_relu" not in space.sampled_names
    gamma = next(each for each in space.sampled if each.name == "gamma")
    assert (gamma.distribution.low, gamma.distribution.high) == (1e-8, 1.0)
    assert search.space_hash == space.space_hash != get_space("ia").space_hash
    with pytest.raises(UnknownNameError, match="did you mean gamma"):
        prepared("ia", range=["gama=1e-8:1"])


def test_an_automatic_name_is_the_definitions(store, file):
    names = [
        create(store, prepared(space, **fields), named=False).name
        for space, fields in [
            ("wm", {"dataset": "rehearsal"}),
            ("wm", {"dataset": "rehearsal"}),
            ("mine.py:search", {}),
            ("mine.py:SPACE", {"dataset": "rehearsal"}),
        ]
    ]
    assert names == [
        "wm-rehearsal-1",
        "wm-rehearsal-2",
        "mine-search-1",
        "mine-SPACE-rehearsal-1",
    ]


def test_a_definition_can_be_handed_over(store):
    table = Table("Mine", (Row("Learning rate", "x"),), "A note.")
    space = from_hyperopt({"x": hp.uniform("x", 0, 1)}, name="any name: it's ours!")
    definition = Definition(space=space, objective=lambda config: config["x"], table=table)
    search = prepared("it", definition=definition)
    assert search.definition.source.kind == "session"
    assert [(row.name, row.field) for row in search.definition.table] == [("Learning rate", "x")]
    assert search.definition.note == "A note."
    assert create(store, search, named=False).name == "any-name-it-s-ours--1"


@pytest.mark.parametrize("address", ["mine.py:search", "os:path", "/etc/x.py", "mine.py"])
def test_nobody_imports_code_over_the_network(file, address):
    with pytest.raises(ConfigurationError, match="can't be submitted over the network"):
        named_definition(address)


def test_a_name_can_be_submitted_over_the_network():
    assert named_definition("ia").space.name == "ia"
    with pytest.raises(UnknownNameError, match="did you mean wm"):
        named_definition("wn")


def test_a_start_has_the_same_metric(store, file):
    first = create(store, prepared("mine.py:SPACE", dataset="rehearsal", name="a"), named=True)
    store.searches.change("a", SearchStatus.CANCELLED, "ann")
    bare = prepared("mine.py:SPACE", dataset="rehearsal")
    asked = Submission(space="mine.py:search", warm_start=first.name)
    with pytest.raises(StateConflictError, match="no finished trial"):
        with_earlier(store, bare, asked)
    other = prepared("mine.py:search")
    with pytest.raises(StateConflictError, match="a search for top 1, maximized: its results are"):
        with_earlier(store, other, asked)


def test_over_the_network_no_code_is_imported_by_its_place(file, tmp_path):
    (tmp_path / "parts.py").write_text("raise SystemExit('imported')")
    around = replace(AROUND, resolve=named_definition, find=refuse_own)
    for field in ("dataset", "model"):
        asked = Submission(space="ia", **{field: "parts.py:thing"})
        said = f"^--{field} parts.py:thing: .* a server imports no code by its place"
        with pytest.raises(ConfigurationError, match=said):
            prepare(asked, "ann", around)


def test_an_unnamed_space_has_the_name_of_its_definitions_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = """
import alignsearch
from hyperopt import hp

def objective(config):
    return config["x"]

search = alignsearch.Search({"x": hp.uniform("x", 0, 1)}, objective)
called = alignsearch.Search({"x": hp.uniform("x", 0, 1)}, objective, name="parabola")
"""
    (tmp_path / "quad.py").write_text(named)
    assert prepared("quad.py:search").space == "quad-search"
    assert prepared("quad.py:called").space == "parabola"


def test_the_network_and_its_width_are_the_recipes():
    recipe = prepared("ia", model="resnet50").recipe
    assert (recipe.model, recipe.width, recipe.sources) == ("resnet50", 16, ())
    own = Definition(space=from_hyperopt(hp.uniform("x", 0, 1), name="mine"), objective=len)
    with pytest.raises(ConfigurationError, match="--model has no use: mine"):
        prepared("mine", definition=own, model="dense")


def test_a_table_and_labels_name_what_configurations_have():
    space = from_hyperopt(
        hp.choice(
            "model",
            [
                {"kind": "svm", "C": hp.lognormal("svm.C", 0, 1)},
                {"kind": "forest", "trees": hp.quniform("trees", 8, 64, 8)},
            ],
        ),
        name="mine",
    )

    def defined(*fields, **labels):
        table = Table("T", tuple(Row(field.upper(), field) for field in fields))
        return Definition(space=space, objective=len, table=table, labels=labels)

    # A dimension, whatever chooses it, or a key of some configurations.
    shown = defined("svm.C", "trees", "C", "kind", "model", trees="Trees", kind="Model")
    assert len(prepared("mine", definition=shown).definition.table) == 5
    # Still there where it is fixed.
    prepared("mine", definition=shown, fix=["model=svm"])
    for wrong, said in (
        (defined("svmC"), r"^mine: row 'SVMC' of its table: no dimension.*did you mean svm.C"),
        (defined(tres="Trees"), r"^mine: its labels: no dimension.*'tres'; did you mean trees"),
        (defined("x"), r"known: C, kind, model, svm.C, trees"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            prepared("mine", definition=wrong)


def test_a_fixed_multiple_of_a_step_is_printed_as_its_sampled_values():
    space = from_hyperopt(
        {"width": hp.quniform("width", 8, 64, 8), "size": hp.quniform("n", 0, 1, 0.1)},
        name="mine",
    )
    table = Table("T", (Row("Width", "width"), Row("Size", "size"), Row("N", "n")))
    definition = Definition(space=space, objective=len, table=table)

    def printed(point, *fixed):
        search = prepared("mine", definition=definition, fix=fixed)
        whole = space_of(search)
        trial = Trial(
            id="mine/0", search="mine", tid=0, config=whole.resolve(point), point=dict(point)
        )
        column = column_of(search, trial, title="mine")
        assert column.config["width"] == 16.0
        return [column.cell(row) for row in column.rows]

    sampled = printed({"width": 16.0, "n": 3 * 0.1})
    assert sampled == ["16", "0.3", "0.3"]
    assert printed({"n": 3 * 0.1}, "width=16") == sampled
    assert printed({"width": 16.0}, "n=0.3")[:2] == sampled[:2]
    assert space.to_data().keys() == space_of(prepared("ia")).to_data().keys()
