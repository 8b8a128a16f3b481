"""docs/walk.md, run command by command as it stands: what is printed, and what is stored."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from driving import wait_until

from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store

DOCUMENT = Path(__file__).parents[2] / "docs" / "walk.md"
COMMAND = re.compile(r"    \$ (?P<command>.+)\n(?P<said>(?:(?:    (?!\$ ).*)?\n)*)")
"""A line with a prompt, and the indented lines below it, which are its output in short."""


def steps():
    """Each command of the document with its output in short."""
    return [(each["command"], _plain(each["said"])) for each in COMMAND.finditer(_text())]


def _text():
    # Indented lines alone: sentences end an output.
    return re.sub(r"(?m)^(?! {4}).+$", "", DOCUMENT.read_text().partition("\n```\n")[2])


def _plain(text):
    return " ".join(text.split())


def is_said(short, said):
    """Compare an output with its short form, where `…` stands for anything."""
    pattern = ".*?".join(map(re.escape, re.split(r"\s*…\s*", short)))
    return re.fullmatch(pattern, _plain(said), re.DOTALL) is not None


class Walk:
    """Runs the document's commands in one folder; `serve &` goes on beside them."""

    def __init__(self, shell):
        self.shell = shell
        self.serving = None

    def take(self, command, short):
        program, *arguments = command.split()
        if command == "alignsearch serve &":
            log = self.shell.folder / "serve.log"
            self.serving = self.shell.start("serve", log=log)
            # A search that nobody drives would be watched for ever.
            wait_until(lambda: self.serving.poll() is not None or "serving" in log.read_text(), 300)
            assert self.serving.poll() is None, log.read_text()
        elif command == "kill %1":
            self.end()
        elif program == "alignsearch":
            done = self.shell.run(*arguments)
            assert done.returncode == 0, done.stderr
            if "--watch" in arguments:
                # Trials that ended before the watch began are not told.
                short = "… " + short[short.index("walk is ") :]
            assert is_said(short, done.stdout), f"{command}\n{done.stdout}"
        else:
            python = {"python": sys.executable}
            run = [python.get(program, program), *arguments]
            subprocess.run(run, cwd=self.shell.folder, check=True, timeout=300.0)

    def end(self):
        if self.serving is not None:
            self.serving.send_signal(signal.SIGTERM)
            self.serving.wait(timeout=300)
            self.serving = None


@pytest.fixture
def walk(shell):
    (code,) = re.findall(r'(?ms)^```python title="lab.py"\n(.*?)^```$', DOCUMENT.read_text())
    (shell.folder / "lab.py").write_text(code)
    made = Walk(shell)
    yield made
    made.end()


def test_the_page_walks_through_every_verb_of_a_searchs_life():
    verbs = [command.split()[1] for command, _ in steps() if command.startswith("alignsearch")]
    wanted = ["submit", "enqueue", "serve", "retry", "extend", "confirm", "train", "export"]
    assert [verb for verb in verbs if verb in wanted] == wanted


def test_the_walk_prints_and_leaves_what_the_page_promises(walk):
    for command, short in steps():
        walk.take(command, short)
    uri = walk.shell.json("store", "status")["uri"]
    with Store.connect(uri) as store:
        search = store.searches.get("walk")
        assert (search.status, search.trials) == (SearchStatus.COMPLETED, 6)
        trials = store.trials.all("walk")
        first, again = trials[:2]
        assert (first.state, first.origin.kind) == (TrialState.FAILED, "enqueued")
        assert (again.state, again.origin.kind, again.origin.of) == (
            *(TrialState.COMPLETED, "retry"),
            first.tid,
        )
        assert again.point == first.point
        assert [trial.tid for trial in trials if trial.spends] == [1, 2, 3, 4, 5, 6]
        repeated = [trial.origin for trial in trials[7:]]
        # The second one may have dropped out after its first repetition.
        assert [origin.kind for origin in repeated] == ["confirmation"] * len(repeated)
        assert len(repeated) in (3, 4)
        assert len({origin.of for origin in repeated}) == 2
        best = store.totals.standing("walk").named
        assert best.tid in {origin.of for origin in repeated}
        (longer,) = (each for each in store.searches.all() if each.name != "walk")
        assert (longer.status, longer.recipe.epochs) == (SearchStatus.COMPLETED, 4)
        runs = store.trials.all(longer.name)
        assert [trial.config["seed"] for trial in runs] == [0, 1]
        assert all(trial.config["label"] == f"walk:{best.tid}" for trial in runs)
        authors = {each.who for each in store.logs.events("walk")}
        assert all("@" in who for who in authors)
    assert (walk.shell.folder / "runs" / longer.name / "results.json").is_file()
