"""A real `serve` drives every search of a store in which each kind of document is damaged."""

from contextlib import suppress

from driving import wait_until
from hostile_store import MORE, NOT_DRIVEN, SOUND, TRIALS, damages, fill, let_go_on, results

from alignment_core.errors import AlignSearchError
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store

PATIENCE = 400.0
NAMES = {damage: f"hurt-{number}" for number, damage in enumerate(damages(""))}
"""A search for each damage, so that one service meets all of them."""
NOT_ASKED_FOR = {"a search in a newer version's state"}
"""Damages that `serve` doesn't meet: it asks for searches that wait or run. `status` names them."""


def test_serve_ends_what_can_be_driven_and_names_what_cannot(shell_in, tmp_path, make_search_in):
    shell = shell_in(tmp_path)
    shell.submit("first", "--trials", "1", "--epochs", "1", "--resources", "CPU=0.1")
    try:
        with Store.connect(shell.json("store", "status")["uri"]) as store:
            names = (SOUND, *NAMES.values())
            fill(store, lambda name, **fields: make_search_in(store, name, **fields), names)
            for name in names:
                let_go_on(store, name)
                few = {"$set": {"resources": {"CPU": 0.1}}}
                assert store._db.update("searches", {"_id": name}, few)
            for damage, name in NAMES.items():
                damages(name)[damage](store)
            named = {NAMES[damage] for damage in NOT_DRIVEN - NOT_ASKED_FOR}
            driven = {SOUND} | {NAMES[each] for each in NAMES if each not in NOT_DRIVEN}

            def is_over(name):
                with suppress(AlignSearchError):
                    return store.searches.get(name).status is SearchStatus.COMPLETED
                return False

            log = tmp_path / "serve.log"
            serving = shell.start("serve", log=log)
            try:
                wait_until(lambda: all(map(is_over, driven)), PATIENCE)
                wait_until(lambda: all(each in log.read_text() for each in named), PATIENCE)
                said = log.read_text()
                assert serving.poll() is None, said
            finally:
                serving.terminate()
                serving.wait(300.0)
            assert results(store, SOUND) == list(range(TRIALS + MORE))
            assert {len(results(store, name)) for name in driven} == {TRIALS + MORE}
            assert "Traceback" not in said
    finally:
        shell.end_store()
