"""Refuses places beyond the store, which a browser's user could make `serve` ask or write into."""

from fastapi import Request

from alignsearch.dashboards.web.api.sessions import session_of
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.errors import RefusedError
from alignsearch.search.trackers.table import TRACKERS
from alignsearch.search.use_cases.notify_choices import NotifyChoices

_PLACES = {
    **dict.fromkeys(NotifyChoices.model_fields, ("webhook", "URL")),
    **{name: ("tracking tool", kind.takes) for name, kind in TRACKERS.items()},
}


def check_places(request: Request, asked: NotifyChoices, command: str) -> None:
    """Refuse a webhook or a tracking tool where people log in.

    A token's holder could make `serve` ask any address, and write into any folder of its host.

    command: the command that takes the place, like `alignsearch submit`.

    Raises:
        RefusedError: `asked` names such a place, and the dashboard has logins.
    """
    named = [name for name in _PLACES if getattr(asked, name, None) is not None]
    gate = context_of(request).gate
    if named and gate.login_of(session_of(request)[0]) != "none":
        what, value = _PLACES[named[0]]
        raise RefusedError(
            403,
            "forbidden",
            f"a dashboard with logins names no {what}: `{command} --{named[0]} {value}` does",
            field=named[0],
        )
