"""What the first page after a start needs, made before the server says that it is there."""

import threading

from alignment_core.errors import AlignSearchError
from alignsearch.dashboards.live.mirror import Board
from alignsearch.dashboards.web import payloads as views
from alignsearch.dashboards.web.context import Context
from alignsearch.dashboards.web.pages import Renderer

WARM_SECONDS = 10.0
"""After which the server starts all the same: a store may be slow, or away."""


def warm(context: Context, render: Renderer) -> None:
    """Compress the static files, compile the templates, and read the latest search."""
    aside = threading.Thread(target=_read_latest, args=(context.board,), daemon=True)
    aside.start()
    context.assets.compress()
    render.compile()
    aside.join(WARM_SECONDS)


def _read_latest(board: Board) -> None:
    try:
        searches = board.searches()
        if searches:
            views.history_payload(board, board.entry(searches[0].name))
    except AlignSearchError:
        # The board's poll says so, and every page.
        return
