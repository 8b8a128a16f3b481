"""Completion of a search's name by the shell: `alignsearch --install-completion` switches it on."""

from collections.abc import Iterator

import typer

from alignment_core.errors import AlignSearchError
from alignsearch.search.documents.visible_text import visible
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.wiring import EMBEDDED_FOLDER, store_named

STORE_SECONDS = 2.0
"""Longest wait for the store's answer while somebody presses the tabulator."""


def search_names(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield the names of the store's searches that begin with `incomplete`.

    A store that doesn't run is not started for it, and one that doesn't answer has no names: the
    line that is being typed is no place for an error.
    """
    given = {name for value in context.params.values() for name in _names(value)}
    try:
        uri = store_named(context.params.get("store")) or _running()
        if uri is None:
            return
        with Store.connect(uri, timeout=STORE_SECONDS) as opened:
            names = [search.name for search in opened.searches.all()]
    except AlignSearchError:
        return
    # A name with characters that a terminal obeys can't be typed.
    yield from (
        name
        for name in names
        if name.startswith(incomplete) and name not in given and visible(name) == name
    )


def _running() -> str | None:
    """Return the URI of this folder's embedded store if it runs."""
    return EmbeddedStore(EMBEDDED_FOLDER).status().uri


def _names(value: object) -> list[object]:
    return [*value] if isinstance(value, list | tuple) else [value]
