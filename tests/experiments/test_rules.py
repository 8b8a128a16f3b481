"""The experiment `rules`: what its report says, rules that diverge, and what it refuses."""

import uuid

import pytest
from compared_rules import DISTURBED, GUESSING, SMALL, compare_three
from experiment_output import Output
from thread_workers import ThreadWorkers

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.experiments.checklist import CHECKLIST, QUESTIONS
from alignsearch.experiments.figures.rules import make_report
from alignsearch.experiments.rule_budgets import SCALES
from alignsearch.experiments.rule_results import RuleResult
from alignsearch.experiments.rules import Rules
from alignsearch.experiments.step_costs import Cost, Measured, cost_definition, measure
from alignsearch.experiments.store_place import StorePlace
from alignsearch.search.documents import Recipe
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import RUNS
from alignsearch.spaces.fair import COMPARED


@pytest.fixture(scope="module")
def store(server_uri):
    uri = f"{server_uri.rstrip('/')}/test_{uuid.uuid4().hex}"
    with Store.connect(uri) as opened:
        yield opened, uri


@pytest.fixture(scope="module")
def report(store, make_driver_in, tmp_path_factory):
    """The report on three rules of which one diverges everywhere, and one now and then."""
    folder = tmp_path_factory.mktemp("rules") / "out"
    compare_three(*store, make_driver_in, folder)
    return Output(folder)


def test_every_rule_has_a_row_with_its_error_its_interval_and_its_chance(report):
    rows = {row["rule"]: row for row in report.table("rules")}
    assert list(rows) == ["BP", "WM", "FA"]
    # Runs of the objective have an error of 0.1; the diverged seed counts as guessing.
    assert float(rows["BP"]["error in %"]) == pytest.approx(10)
    assert float(rows["WM"]["error in %"]) == pytest.approx(100 * (0.1 + 0.1 + GUESSING) / 3)
    assert [rows["WM"][each] for each in ("seeds", "diverged", "no result")] == ["3", "1", "0"]
    assert float(rows["BP"]["chance of being the best"]) > 0.5


def test_a_rule_that_diverges_everywhere_says_so_in_its_row_and_below(report):
    row = next(row for row in report.table("rules") if row["rule"] == "FA")
    assert (row["error in %"], row["seeds"]) == ("", "0")
    searched = next(row for row in report.table("searches") if row["rule"] == "FA")
    assert (searched["diverged"], searched["near the best in %"]) == ("4", "")
    notes = next(each for each in report.run["tables"] if each["name"] == "rules")["notes"]
    assert "FA diverged with all of its 4 configurations." in notes
    assert "Diverged with every configuration: FA." in report.run["captions"]["errors"]
    assert "count as guessing: WM 1" in report.run["captions"]["errors"]


def test_a_diverged_seed_counts_as_guessing_under_disturbances_too(report):
    rows = {row["rule"]: row for row in report.table("robustness")}
    (column,) = (name for name, error in rows["BP"].items() if "FGSM" in name and error)
    assert float(rows["BP"][column]) == pytest.approx(100 * DISTURBED)
    assert float(rows["WM"][column]) == pytest.approx(100 * (2 * DISTURBED + GUESSING) / 3)


def test_seeds_that_all_have_the_same_error_are_named(report):
    notes = next(each for each in report.run["tables"] if each["name"] == "rules")["notes"]
    assert any(note.startswith("All seeds of BP have the same error.") for note in notes)


def test_each_had_the_same_and_its_searches_are_ordinary_ones(report, store):
    rows = report.table("searches")
    assert {(row["trials"], row["epochs"]) for row in rows} == {("4", "2")}
    assert {row["rule"]: row["dimensions"] for row in rows} == {"BP": "3", "WM": "6", "FA": "3"}
    for row in rows:
        search = store[0].searches.get(row["search"])
        assert search.status is SearchStatus.COMPLETED
        assert (search.space, search.generation) == (
            f"fair_{row['rule'].lower()}",
            SCALES["minutes"].generation,
        )
        assert search.tags == ("rules", "rules-minutes")
    recorded = report.run["numbers"]["digits-dense"]["rules"]
    noise = [name for name in recorded["wm"]["searches"] if "-noise-" in name]
    assert len(noise) == len(SCALES["minutes"].variances)
    for name in noise:
        search = store[0].searches.get(name)
        assert search.space == RUNS.name
        assert search.tags == ("rules", "rules-minutes")
        assert search.training.update_noise_variance in SCALES["minutes"].variances


def test_costs_are_beside_the_first_rules(report):
    rows = {row["rule"]: row for row in report.table("costs")}
    assert set(rows) == {"BP", "WM"}
    assert float(rows["BP"]["time in BP's"]) == 1.0
    assert float(rows["WM"]["time in BP's"]) == 2.0
    assert float(rows["WM"]["memory in BP's"]) == 2.0


def test_pairs_that_cannot_be_told_apart_are_counted(report):
    assert report.run["captions"]["pairs"].startswith("1 of 1 pairs of rules can't be told apart")
    assert [row["told apart"] for row in report.table("pairs")] == ["no"]


def test_the_checklist_has_a_reason_for_each_answer_of_each_rule(report):
    assert CHECKLIST.keys() == COMPARED.keys()
    assert all(len(answers) == len(QUESTIONS) for answers in CHECKLIST.values())
    assert all(each.reason for answers in CHECKLIST.values() for each in answers)
    rows = {row["rule"]: row for row in report.table("checklist")}
    assert rows["BP"]["sign transport"] == "yes"
    assert rows["FA"]["symmetry after training"] == "no"
    reasons = report.table("checklist-reasons")
    assert len(reasons) == len(rows) * len(QUESTIONS)
    assert all(row["reason"] for row in reasons)


def test_the_measured_signs_are_those_of_the_checklist():
    """Sign-concordant kernels agree in all signs, random ones in half, and a mirror's learn."""
    from alignment_core.layers.aligned import aligned_layers
    from alignment_core.models import get_model
    from alignment_core.rules.table import LEARNING_RULES
    from alignment_core.training.weight_metrics import weight_metrics

    for rule, answers in CHECKLIST.items():
        kind = LEARNING_RULES[COMPARED[rule].learning_rule]
        if kind is None or kind.direct:
            continue
        ours = kind(dict.fromkeys(kind.primitives, 1.0))
        network = get_model("dense")((8, 8, 1), 10, width=32, learning_rule=ours, seed=0)
        agreement = [each.sign_agreement for each in weight_metrics(aligned_layers(network))]
        if answers[3].word == "signs":
            assert agreement == [1.0] * len(agreement)
        else:
            assert all(0.3 < each < 0.7 for each in agreement), rule


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"rules": "bp,mirrors"}, UnknownNameError, "no rule of the table is named 'mirrors'"),
        ({"rules": "bp,bp"}, ConfigurationError, "each once"),
        ({"rules": "nowhere.py:Mirror"}, ConfigurationError, "there is no file nowhere.py"),
        ({"rules": "bp", "model": "resnet19"}, ConfigurationError, "resnet19"),
        ({"rules": "bp", "dataset": "digit"}, UnknownNameError, "digit"),
        ({"rules": "bp", "variances": "0.1,-1"}, ConfigurationError, "--variances takes numbers"),
        ({"rules": "bp", "seeds": 5000}, ConfigurationError, "--seeds must be at most 1000"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_runs(options, error, words):
    with pytest.raises(error) as raised:
        Rules(**options).check()
    assert words in str(raised.value)


def test_a_rule_that_a_network_cannot_have_is_named(tmp_path, monkeypatch):
    (tmp_path / "softly.py").write_text(
        "import keras\n"
        "from alignment_core import Dense\n"
        "def network(input_shape, num_classes, *, learning_rule=None, **ignored):\n"
        "    x = inputs = keras.Input(input_shape)\n"
        "    x = keras.layers.Flatten()(x)\n"
        "    x = Dense(8, activation=lambda x: x, learning_rule=learning_rule)(x)\n"
        "    x = Dense(num_classes, learning_rule=learning_rule)(x)\n"
        "    return keras.Model(inputs, x)\n"
    )
    monkeypatch.chdir(tmp_path)
    Rules(rules="bp,fa", model="softly.py:network").check()
    with pytest.raises(ConfigurationError, match=r"^wm on softly\.py:network: .*dense"):
        Rules(rules="bp,wm", model="softly.py:network").check()


RULE = (
    "from alignment_core import Alignment\n"
    "class Mirror(Alignment):\n"
    "    primitives = ('amp', 'decay')\n"
)


def test_another_version_of_a_file_is_searched_anew_and_the_same_one_never(
    store, make_driver_in, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    workers, driven = ThreadWorkers(*store, make_driver_in), []
    for text in (RULE, RULE, RULE.replace("decay", "null")):
        (tmp_path / "mine.py").write_text(text)
        workers.driven.clear()
        Rules(rules="mine.py:Mirror", **SMALL).report(StorePlace(workers))
        driven.append(set(workers.driven))
    first, again, changed = driven
    assert any(name.startswith("rules-Mirror-") for name in first)
    assert again == set()
    assert len(changed) == len(first)
    assert not changed & first


def test_rules_of_one_name_are_told_apart_by_their_files(
    store, make_driver_in, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    workers = ThreadWorkers(*store, make_driver_in)
    for name in ("one.py", "other.py"):
        (tmp_path / name).write_text(RULE)
    found = Rules(rules="bp,one.py:Mirror,other.py:Mirror", **SMALL).report(StorePlace(workers))
    table = next(each for each in found.tables if each.name == "rules")
    names = {row[0] for row in table.rows}
    assert names == {"BP", "Mirror (one.py:Mirror)", "Mirror (other.py:Mirror)"}


def test_a_rule_that_raises_as_it_is_built_is_refused_in_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        f"{RULE}    def __init__(self, *weights, **more):\n        raise RuntimeError('no luck')\n"
    )
    with pytest.raises(ConfigurationError, match=r"^mine\.py:Mirror on .*RuntimeError: no luck"):
        Rules(rules="mine.py:Mirror").check()


def test_a_rule_whose_fresh_seeds_have_no_result_is_not_called_divergent():
    lost = result("fa", missing=3)
    task = SCALES["minutes"].tasks[0]
    budget = SCALES["minutes"]
    found = make_report(budget, {task: [lost, result("bp", errors=[0.1, 0.2])]}, scale="", seed=0)
    notes = next(each for each in found.tables if each.name == "rules").notes
    assert [note for note in notes if note.startswith("fa has no error: none of the runs on its 3")]
    # Its search was stopped: the budget has more configurations.
    assert any("number of configurations (fa 2, bp 2)" in line for line in found.setting)
    costs = next(each for each in found.tables if each.name == "costs")
    # It is still the rule beside which the others' steps were timed.
    assert costs.head[1] == "time in fa's"
    assert [row[:2] for row in costs.rows] == [["fa", 1.0], ["bp", 2.0]]
    caption = next(each for each in found.figures if each.name == "errors").caption
    assert "Seeds without a result: fa 3." in caption
    assert "Diverged with every" not in caption


def test_one_rule_alone_is_compared_with_none():
    budget = SCALES["minutes"]
    only = {budget.tasks[0]: [result("bp", errors=[0.1, 0.2])]}
    found = make_report(budget, only, scale="", seed=0)
    caption = next(each for each in found.figures if each.name == "errors").caption
    assert caption.startswith("bp has a mean error of 15.00 %; there is no other rule yet")
    assert "pairs" not in {each.name for each in (*found.tables, *found.figures)}


def result(rule, **values):
    ratio = 1.0 if rule == "fa" else 2.0
    return RuleResult(
        rule=rule,
        name=rule,
        dimensions=3,
        search=rule,
        epochs=2,
        losses=[0.2, None],
        diverged=1,
        hours=1.0,
        configuration={"learning_rate": 0.1},
        cost=Cost(0.1, ratio, ratio, ratio, 1e6 * ratio),
        **values,
    )


def test_one_trial_measures_the_steps_of_all_rules_beside_the_first():
    recipe = Recipe(dataset="digits", model="dense", width=8, stem="small", epochs=2)
    values = {"learning_rate": 0.1, "weight_decay": 1e-4, "batch_size": 64}
    rules = [Measured(f"fair_{rule}", values, recipe) for rule in ("bp", "fa")]
    definition = cost_definition(rules)
    assert definition.objective is measure
    (dimension,) = definition.space.sampled
    found = measure({dimension.name: dimension.distribution.options[0]})
    assert found["ratio_0"] == 1.0
    assert found["ratio_low_1"] <= found["ratio_1"] <= found["ratio_high_1"]
    # Two hidden layers of 8 units and 10 logits: FA keeps a second kernel for each.
    kernels = 4 * (64 * 8 + 8 * 8 + 8 * 10)
    assert found["variable_bytes_1"] - found["variable_bytes_0"] == kernels
