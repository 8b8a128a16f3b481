"""The primary of a set is killed under a person's command: a line says so, and it goes on."""

import time

from command_line import end_command
from driving import wait_until
from mongod import kill_primary

from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store

PATIENCE = 300.0
RECOVERY_SECONDS = 300.0
"""Until writing goes on; 15 on a quiet machine, and many times that on a busy one."""
NAME = "told"


def test_writing_goes_on_and_a_line_says_what_it_waited_for(trio, shell, tmp_path):
    # MongoDB's default, with which a paused member doesn't lose an election to a busy machine.
    trio.set_election_timeout(10.0)
    uri = trio.uri.format(NAME)
    log = tmp_path / "submit.log"
    command = shell.start(
        *("submit", "wm", "--dataset", "rehearsal", "--name", NAME, "--trials", "2"),
        *("--epochs", "100000", "--parallel", "2", "--resources", "CPU=0.1", "--lease", "900"),
        *("--wait", "--store", uri),
        log=log,
    )
    try:
        with Store.connect(uri) as store:

            def epochs():
                """Return the last epoch of each running trial; none while no primary answers."""
                try:
                    return [
                        trial.progress.epoch
                        for trial in store.trials.all(NAME, [TrialState.RUNNING])
                        if trial.progress is not None
                    ]
                except ConnectionError:
                    return []

            wait_until(lambda: len(epochs()) == 2, PATIENCE)
            last = sum(epochs())
            victim = kill_primary(trio)
            struck = time.monotonic()
            # Epochs from before the kill may be read late: only some more of them prove new writes.
            wait_until(lambda: sum(epochs()) > last + 40, RECOVERY_SECONDS)
            seconds = time.monotonic() - struck
            victim.revive()
            trio.wait_for_all()
            said = [line for line in log.read_text().splitlines() if "retrying" in line]
            assert said, log.read_text()
            assert all("the store" in line for line in said)
            # One cause, a few lines: not one for each write that waits.
            assert len(said) <= max(60, seconds)
            store.searches.change(NAME, SearchStatus.CANCELLED, "a test")
            command.wait(PATIENCE)
            for trial in store.trials.all(NAME):
                assert [a.outcome for a in trial.attempts.values()] == ["cancelled"]
        assert "Traceback" not in log.read_text()
    finally:
        end_command(command)
