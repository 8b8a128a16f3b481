"""`alignsearch.load_search`: a dumped search, loaded into a store from Python."""

from pathlib import Path

from alignsearch.handle import SearchHandle
from alignsearch.names import whoami
from alignsearch.search.store import Store
from alignsearch.wiring import store_named, store_uri


def load_search(
    file: str | Path, *, name: str | None = None, store: str | None = None
) -> SearchHandle:
    """Load a search that `alignsearch dump` has written, and return it.

    The copy keeps its checkpoints in a folder of its own; a trial that was running goes on from its
    original's last one, where that is at hand, and else begins anew.

    Args:
        file: the file.
        name: its name in the store; None for the one it had.
        store: as `open_search`; an embedded store is made if there is none.

    Raises:
        ConfigurationError: the file can't be read or is damaged, or the name can't be used.
        NameTakenError: the store has a search of this name.
    """
    # Imported late: no other command needs it.
    from alignsearch.search.store.dump import check, load

    checked = check(Path(file))
    named = store_named(store)
    opened = Store.connect(store_uri(named))
    try:
        loaded = load(opened, checked, name=name, who=whoami())
        return SearchHandle(opened, loaded, named_store=named)
    except BaseException:
        opened.close()
        raise
