"""`alignsearch dashboard`: start the dashboard's web server over a store."""

import os
import re
import socket
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alignment_core.errors import AlignSearchError, ConfigurationError
from alignsearch.cli.options import (
    LogFormatOption,
    LogLevelOption,
    RayOption,
    StoreOption,
    print_text,
    start_logs,
)
from alignsearch.names import whoami
from alignsearch.search.documents import Search
from alignsearch.search.store import Store
from alignsearch.search.use_cases.defined import named_definition, refuse_own
from alignsearch.search.use_cases.new_search import create, prepare, with_earlier
from alignsearch.search.use_cases.submission import Submission
from alignsearch.surroundings import surroundings
from alignsearch.wiring import reviver, store_uri

if TYPE_CHECKING:
    from alignsearch.dashboards.web.tokens import HashedToken

PORT = 8080
TOKEN_VARIABLE = "ALIGNSEARCH_DASHBOARD_TOKEN"
PROXIES_VARIABLE = "FORWARDED_ALLOW_IPS"
"""uvicorn's variable for addresses of proxies, between commas; `--trusted-proxy` goes before it."""
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:]+")
"""A host name, or an IPv6 address without brackets."""
STORE_SECONDS = 2.0
"""Timeout of the store's answers; a page shows a notice after it, so it is shorter than usual."""


def default_token_file() -> Path:
    """Return the path of the token's hash: in the user's settings, shared by all folders."""
    settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(settings) / "alignsearch" / "dashboard-token.json"


def dashboard(
    host: Annotated[
        str,
        typer.Option(help="Address to listen at; 0.0.0.0 is every address of this machine."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes any free port.")
    ] = PORT,
    root_path: Annotated[
        str,
        typer.Option(help="Path below which a reverse proxy shows the dashboard: /alignsearch."),
    ] = "",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Name by which people reach the dashboard, as in the Host header; repeatable."
        ),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or network of a proxy whose X-Forwarded-For, -Proto, -Host and -Prefix "
            "are believed; repeatable. Default: this machine's."
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the token's hash. Default: one in your settings."),
    ] = None,
    set_token: Annotated[
        bool,
        typer.Option("--set-token", help="Make a token, print it once, keep its hash, and exit."),
    ] = False,
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "warning",
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Serve the dashboard: watch searches live in a browser, submit and steer them."""
    start_logs(log_format, log_level)
    # Importing FastAPI takes half a second, which other commands do without.
    from alignsearch.dashboards.web.app import Options, create_app
    from alignsearch.dashboards.web.behind_proxy import checked_prefix
    from alignsearch.dashboards.web.context import Submitter
    from alignsearch.dashboards.web.server import run
    from alignsearch.dashboards.web.tokens import HashedToken, new_token
    from alignsearch.search.use_cases.loopback import is_loopback

    path = token_file or default_token_file()
    if set_token:
        token = new_token()
        HashedToken.of(token).write(path)
        print_text(f"{token}\nits hash is in {path}; dashboards that run already don't know it")
        return
    prefix = checked_prefix(root_path)
    proxies = _proxies(trusted_proxy)
    hosts = _hosts(allow_host or ())
    with (
        _listening(host, port) as listening,
        Store.connect(store_uri(store), timeout=STORE_SECONDS) as opened,
    ):
        options = Options(
            loopback=is_loopback(host),
            person=whoami(),
            token=_token(path, asked=token_file),
            revive_store=reviver(store),
            root_path=prefix,
            allowed_hosts=hosts,
            trusted_proxies=proxies,
        )
        submitter = Submitter(
            prepare=partial(prepare_aside, store=store, ray=ray),
            with_earlier=with_earlier,
            create=lambda to, search, named: create(to, search, named=named),
        )
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}{prefix}/"
        run(
            create_app(opened, submitter, options),
            listening,
            lambda: print_text(f"dashboard at {address} (store {opened.uri_for_people})"),
        )


def prepare_aside(
    asked: Submission, who: str, *, store: str | None, ray: str | None
) -> Search | tuple[str, str]:
    """Call `prepare` in another process; an error is returned as its class's name and message."""
    try:
        around = replace(surroundings(store, ray), resolve=named_definition, find=refuse_own)
        return prepare(asked, who, around)
    except AlignSearchError as error:
        return type(error).__name__, str(error)


def _token(path: Path, *, asked: Path | None) -> "HashedToken | None":
    from alignsearch.dashboards.web.tokens import HashedToken

    given = os.environ.get(TOKEN_VARIABLE)
    if given:
        return HashedToken.of(given)
    return HashedToken.read(path) if asked is not None or path.exists() else None


def _proxies(given: Sequence[str] | None) -> Sequence[str]:
    from alignsearch.dashboards.web.behind_proxy import LOOPBACK_PROXIES, checked_proxies

    if given is None:
        named = os.environ.get(PROXIES_VARIABLE)
        given = named.split(",") if named else LOOPBACK_PROXIES
    return checked_proxies(given)


def _hosts(given: Sequence[str]) -> Sequence[str]:
    """Return host names as a Host header is compared with them.

    Raises:
        ConfigurationError: one is no host name, for instance a URL.
    """
    for name in given:
        if not _HOST.fullmatch(name):
            raise ConfigurationError(
                f"--allow-host {name!r} is no host's name: leave out scheme, port and path"
            )
    return [name.lower().rstrip(".") for name in given]


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(
            f"can't answer at {host} port {port} ({error.strerror}): name another --host or --port"
        ) from error
