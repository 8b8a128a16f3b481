"""Warm-up: fills the caches that the first page needs before the server accepts connections."""

import threading

from alignment_core.errors import AlignSearchError
from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.dashboards.web import payloads
from alignsearch.dashboards.web.context import Context
from alignsearch.dashboards.web.pages import Renderer

WARM_SECONDS = 10.0
"""Longest wait for the store: the server starts all the same while the store is slow or away."""


def warm(context: Context, render: Renderer) -> None:
    """Compress the static files, compile the templates, and read the latest search."""
    reading = threading.Thread(target=_read_latest, args=(context.mirror,), daemon=True)
    reading.start()
    context.assets.compress()
    render.compile()
    reading.join(WARM_SECONDS)


def _read_latest(mirror: Mirror) -> None:
    try:
        searches = mirror.searches()
        if searches:
            payloads.encoded_trials(mirror, mirror.get(searches[0].name))
    except AlignSearchError:
        # The mirror's poll logs the same error, and every page shows it.
        return
