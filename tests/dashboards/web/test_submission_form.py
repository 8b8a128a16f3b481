"""The form's definitions: those that ship, and those of installed packages, by name alone."""

import shlex
import sys
import types
from importlib.machinery import ModuleSpec

import pytest
import typer

from alignsearch.cli.model_options import with_options_of
from alignsearch.dashboards.models.forms import MAIN, SubmitRequest, command_of
from alignsearch.dashboards.web.api.submissions import installed_spaces
from alignsearch.dashboards.web.tokens import HashedToken
from alignsearch.search.use_cases.submission import Submission, refusal

TOKEN = "a token of 24 characters"
MODULE = """
from hyperopt import hp

SPACE = {
    "model": hp.choice("model", [{"kind": "svm", "C": hp.lognormal("C", 0, 1)}, {"kind": "tree"}]),
}
"""
BROKEN = "raise RuntimeError('no such device')\n"
ENTRY_POINTS = """[alignsearch.definitions]
models = models_of_a_package:SPACE
broken = broken_of_a_package:SPACE
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that adds two definitions by entry points, one of which can't be imported."""
    (tmp_path / "models_of_a_package.py").write_text(MODULE)
    (tmp_path / "broken_of_a_package.py").write_text(BROKEN)
    info = tmp_path / "models-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: models\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)


def test_definitions_of_installed_packages_are_offered_and_broken_ones_left_out(package, caplog):
    (space,) = installed_spaces()
    assert (space.name, space.known) == ("models", True)
    parameters = {each.name: each for each in space.parameters}
    assert parameters["model"].options == ["svm", "tree"]
    assert parameters["C"].when == "model = svm"
    assert (parameters["C"].log, parameters["C"].low) == (True, None)
    assert "broken" in caplog.text
    assert "no such device" in caplog.text


def test_the_form_offers_the_shipped_definitions(dashboard):
    form = dashboard.json("/submit")
    own = ["wm", "wm_ad", "wm_ad_ops", "ia", "dfa", "usf", "brsf", "frsf", "pfa"]
    fair = ["bp", "fa", "dfa", "usf", "brsf", "frsf", "kp", "wm", "wm_ad", "ia", "sa", "aa", "pfa"]
    shipped = [*own, *(f"fair_{rule}" for rule in fair)]
    assert [each["name"] for each in form["spaces"]] == shipped
    sigma = next(each for each in form["spaces"][0]["parameters"] if each["name"] == "sigma")
    assert (sigma["label"], sigma["low"], sigma["high"]) == ("σ", 1e-10, 1.0)
    (field,) = (each for each in form["fields"] if each["name"] == "space")
    assert field["options"] == shipped


def test_no_code_is_imported_because_a_browser_names_it(dashboard, tmp_path):
    marker = tmp_path / "imported"
    file = tmp_path / "mine.py"
    file.write_text(f"open({str(marker)!r}, 'w').close()\n")
    for address in (f"{file}:SPACE", "antigravity:fly"):
        for path in ("/submit/check", "/submit"):
            refused = dashboard.post(path, {"space": address, "trials": 3})
            assert refused.status_code == 422
            assert address in refused.json()["error"]["message"]
    assert not marker.exists()


def test_a_network_or_data_set_of_ones_own_is_refused_at_its_field(dashboard, tmp_path):
    marker = tmp_path / "imported"
    file = tmp_path / "mine.py"
    file.write_text(f"open({str(marker)!r}, 'w').close()\n")
    for field in ("model", "dataset"):
        asked = {"space": "ia", "dataset": "digits", field: f"{file}:thing"}
        refused = dashboard.post("/submit/check", asked)
        assert refused.status_code == 422
        error = refused.json()["error"]
        assert error["field"] == field
        assert error["message"].startswith(f"{field} {file}:thing: can't be submitted")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("field", "place", "option"),
    [
        ("notify", "http://127.0.0.1:9/x", "--notify URL"),
        ("tensorboard", "/somewhere/else", "--tensorboard DIR"),
        ("mlflow", "http://127.0.0.1:9", "--mlflow URI"),
        ("wandb", "mirror", "--wandb PROJECT"),
    ],
)
def test_a_webhook_or_a_tool_is_named_by_a_page_on_this_machine_alone(
    dashboard, lab, module_uri, serve, monkeypatch, field, place, option
):
    if field != "notify":
        # An installation has none of them by default; the form asks whether they are there.
        there = types.ModuleType(field)
        there.__spec__ = ModuleSpec(field, None)
        monkeypatch.setitem(sys.modules, field, there)
    asked = {"space": "wm", "trials": 3, "dataset": "rehearsal", field: place}
    search = dashboard.post("/submit/check", asked).json()["search"]
    assert (search["notify"] or search["trackers"][field]["place"]) == place
    with serve(module_uri, token=HashedToken.of(TOKEN)) as guarded:
        for path in ("/submit/check", "/submit"):
            refused = guarded.post(path, asked, Authorization=f"Bearer {TOKEN}")
            assert refused.status_code == 403
            assert refused.json()["error"]["field"] == field
            assert f"submit {option}" in refused.json()["error"]["message"]
        if field == "notify":
            lab.search("told")
            for verb in ("set", "extend"):
                changes = {"notify": place, "trials": 40}
                path = f"/searches/told/{verb}"
                refused = guarded.post(path, changes, Authorization=f"Bearer {TOKEN}")
                assert refused.status_code == 403
                assert f"alignsearch {verb} told {option}" in refused.json()["error"]["message"]
            assert lab.store.searches.get("told").notify is None


def test_every_field_has_its_section_and_five_are_always_shown(dashboard):
    fields = dashboard.json("/submit")["fields"]
    assert [each["name"] for each in fields if each["section"] == ""] == list(MAIN)
    assert {each["name"] for each in fields} == {*SubmitRequest.model_fields}
    assert "More" not in {each["section"] for each in fields}


@pytest.mark.parametrize(
    "asked",
    [
        {"space": "wm", "trials": 3, "dataset": "rehearsal"},
        {"space": "ia", "dataset": "rehearsal", "confirm": True, "tag": ("a", "c"), "seed": 4},
    ],
)
def test_the_command_of_a_submission_is_read_as_the_same(asked):
    request = SubmitRequest(**asked)
    words = shlex.split(command_of(request))
    assert words[:3] == ["alignsearch", "submit", asked["space"]]
    given = []

    def keep(submission):
        given.append(submission)

    app = typer.Typer()
    app.command()(with_options_of(Submission, refusal)(keep))
    app(words[2:], standalone_mode=False)
    assert given[0].model_dump() == request.model_dump()
