"""Files that are uploaded over HTTP: points, results from elsewhere, and whole searches."""

import gzip
import sqlite3
import tempfile
from pathlib import Path

import optuna
import pymongo
import pytest
from nested_search import a_search

from alignment_core.errors import ConfigurationError
from alignsearch.dashboards.client import Client
from alignsearch.dashboards.web import guard
from alignsearch.dashboards.web.tokens import HashedToken
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store.dump import dump

FOREST = {"model": "forest", "trees": 20, "depth": None, "scale %": -1.5}
CSV = "model,trees,depth,scale %,loss\nforest,20,None,-1.5,0.25\n"
TOKEN = "a token of 24 characters"
WHO = "ann@lab (dashboard)"


@pytest.fixture
def search(lab, request):
    """A search over a nested space, of the test's own."""
    name = request.node.name.replace("[", "-").replace("]", "").replace(" ", "-")[-60:]
    lab.store.searches.create(a_search(name=f"s{name}"))
    lab.store.searches.change(f"s{name}", SearchStatus.RUNNING, "a driver")
    return f"s{name}"


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch, tmp_path):
    """No upload leaves anything in the folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def sent(dashboard, path, content, **params):
    csrf = dashboard.get("/session").json()["csrf"]
    headers = {"X-CSRF-Token": csrf, "Content-Type": "application/octet-stream"}
    return dashboard.http.post(f"/api{path}", content=content, headers=headers, params=params)


def said(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["error"]["message"]


def events(lab, name, what):
    return [(e.who, e.detail) for e in lab.store.logs.events(name) if e.what == what]


def a_study(file):
    study = optuna.create_study(
        storage=f"sqlite:///{file}", study_name="mirror", direction="maximize"
    )
    kinds = {
        "model": optuna.distributions.CategoricalDistribution(["machine", "forest"]),
        "scale %": optuna.distributions.FloatDistribution(-2.0, 2.0),
        "trees": optuna.distributions.IntDistribution(10, 100, step=10),
        "depth": optuna.distributions.CategoricalDistribution([None]),
    }
    study.add_trial(optuna.trial.create_trial(params=FOREST, distributions=kinds, value=0.75))
    return file


def test_optunas_file_is_imported(dashboard, lab, search, tmp_path):
    file = a_study(tmp_path / "study.db")
    place = f"/searches/{search}/results/file"
    done = sent(dashboard, place, file.read_bytes(), format="optuna", file="study.db")
    assert done.json().get("message") == "1 result imported", done.text
    assert [trial.loss for trial in lab.store.trials.all(search)] == [-0.75]
    assert events(lab, search, "imported") == [(WHO, "1 result of Optuna's study mirror")]
    wrong = sent(dashboard, place, file.read_bytes(), format="optuna", study="other", file="s.db")
    assert "no study of s.db is named 'other'" in said(wrong, 404)
    broken = file.read_bytes()[:100]
    assert said(sent(dashboard, place, broken, format="optuna"), 422).startswith("the file is no")
    with sqlite3.connect(tmp_path / "other.db") as database:
        database.execute("CREATE TABLE a (b)")
    other = sent(dashboard, place, (tmp_path / "other.db").read_bytes(), format="optuna")
    assert "no such table: studies" in said(other, 422)
    assert "csv, optuna" in said(sent(dashboard, place, b"", format="xml"), 404)


def test_a_table_larger_than_other_requests_is_uploaded(dashboard, lab, search):
    # Spaces at a cell's end don't count.
    rows = [f"forest,20,None,{at / 400},{at}{' ' * 300}\n" for at in range(300)]
    table = "".join([CSV.partition("\n")[0], "\n", *rows])
    assert len(table) > guard.LARGEST_BODY
    assert dashboard.post(f"/searches/{search}/results", {"table": table}).status_code == 413
    place = f"/searches/{search}/results/file"
    done = sent(dashboard, place, table.encode(), file="C:\\results\\r\n<b>.csv")
    assert done.json().get("message") == "300 results imported", done.text
    assert lab.store.trials.get(search, 0).origin.note == "r__b_.csv, row 2"
    row = sent(dashboard, place, CSV.replace("20", "21").encode(), file="r.csv")
    assert said(row, 422).startswith("r.csv, row 2: trees can't be 21")
    assert len(lab.store.points.all(search)) == 300


def test_points_of_a_file_are_enqueued(dashboard, lab, search):
    place = f"/searches/{search}/points/file"
    done = sent(dashboard, place, CSV.encode(), file="p.csv")
    assert (done.status_code, done.json()["numbers"]) == (200, [0])
    assert events(lab, search, "enqueued") == [(WHO, "1 point to be tried first")]
    assert "no text in UTF-8" in said(sent(dashboard, place, b"\xff\xfe", file="p.csv"), 422)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "compressed"])
def test_a_dump_is_loaded_under_another_name(dashboard, lab, search, packed, tmp_path):
    lab.store.searches.change(search, SearchStatus.CANCELLED, "ann")
    dump(lab.store, search, tmp_path / "a.json")
    content = (tmp_path / "a.json").read_bytes()
    content, file = (gzip.compress(content), "a.json.gz") if packed else (content, "a.json")
    taken = sent(dashboard, "/load", content, file=file)
    assert "already" in said(taken, 409)
    done = sent(dashboard, "/load", content, file=f"../../{file}", name=f"{search}-copy")
    assert (done.status_code, done.json()["name"]) == (201, f"{search}-copy")
    assert events(lab, f"{search}-copy", "loaded") == [(WHO, f"{search} from {file}")]
    assert dashboard.json(done.json()["href"])["summary"]["status"] == "cancelled"
    damaged = sent(dashboard, "/load", content[:-30], file=file, name="damaged")
    assert said(damaged, 422).startswith(f"{file} can't be loaded: ")
    assert "can't be the name" in said(sent(dashboard, "/load", content, name="a/b"), 422)
    assert lab.store.searches.named(["damaged"]) == []


def test_jobs_of_mongotrials_are_imported_on_this_machine_alone(
    dashboard, lab, search, module_uri, serve
):
    database = f"{module_uri.rpartition('/')[2]}_jobs"
    address = f"{module_uri.replace('mongodb', 'mongo')}_jobs/jobs"
    vals = {"model": [1], "trees": [20], "depth": [0], "scale %": [-1.5]}
    with pymongo.MongoClient(module_uri) as client:
        client[database]["jobs"].insert_one(
            {
                "tid": 0,
                "state": 2,
                "exp_key": "e",
                "misc": {"vals": vals},
                "result": {"status": "ok", "loss": 0.5},
            }
        )
    place, asked = f"/searches/{search}/results", {"mongotrials": address}
    with serve(module_uri, token=HashedToken.of(TOKEN)) as guarded:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert "--from-mongotrials" in said(guarded.post(place, asked, **bearer), 403)
    for odd in ("file:/etc/passwd", "http://127.0.0.1/x", "mongo//x"):
        assert dashboard.post(place, {"mongotrials": odd}).status_code == 422
    assert "exactly one" in said(dashboard.post(place, {**asked, "table": CSV}), 422)
    assert lab.store.points.all(search) == []
    assert dashboard.post(place, asked).json()["message"] == "1 result imported"
    assert events(lab, search, "imported") == [(WHO, "1 result of HyperOpt's MongoTrials")]


def test_a_file_is_read_only_for_who_may_steer(dashboard, lab, search, module_uri, serve):
    place = f"/api/searches/{search}/results/file"
    octets = {"Content-Type": "application/octet-stream"}
    assert dashboard.http.post(place, content=CSV, headers=octets).status_code == 403
    as_json = dashboard.post(f"/searches/{search}/results/file", {"table": CSV})
    assert "application/octet-stream" in said(as_json, 422)
    with serve(module_uri, token=HashedToken.of(TOKEN)) as guarded:
        csrf = guarded.get("/session").json()["csrf"]
        headers = {**octets, "X-CSRF-Token": csrf}
        assert guarded.http.post(place, content=CSV, headers=headers).status_code == 401
        with Client(guarded.url, token="wrong") as client, pytest.raises(Exception, match="token"):
            client.load(Path(__file__))
    assert lab.store.points.all(search) == []


def test_a_file_without_end_is_refused(dashboard, search, monkeypatch):
    monkeypatch.setattr(guard, "LARGEST_FILE", 1000)
    place = f"/searches/{search}/results/file"
    assert "larger than 1000 bytes" in said(sent(dashboard, place, b"x" * 1001), 413)
    assert sent(dashboard, place, iter([b"x" * 600] * 3)).status_code == 413


def test_a_program_sends_files_by_the_client(dashboard, lab, search, tmp_path):
    (tmp_path / "r.csv").write_text(CSV)
    with Client(dashboard.url) as client:
        assert client.enqueue_file(search, tmp_path / "r.csv").startswith("1 point to be tried")
        assert client.import_file(search, tmp_path / "r.csv") == "1 result imported"
        assert client.confirm(search, top=1, seeds=2).startswith(f"{search} repeats")
        assert client.confirmation(search)["top"] == 1
        with pytest.raises(ConfigurationError, match="can't be read"):
            client.import_file(search, tmp_path / "nothing.csv")
        dump(lab.store, search, tmp_path / "d.json")
        assert client.load(tmp_path / "d.json", name=f"{search}-b") == f"{search}-b"
