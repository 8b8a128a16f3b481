"""`alignsearch dashboard`: follow, understand and steer searches in a browser."""

import inspect
import math
import os
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_type_hints

import typer

from alignment_core.accelerator_names import PRECISIONS, STRATEGIES
from alignment_core.errors import AlignSearchError, ConfigurationError, UnknownNameError
from alignsearch.cli.checkpoint_options import INFORMS, PRUNERS
from alignsearch.cli.drive import reviver
from alignsearch.cli.options import (
    LogFormatOption,
    LogLevelOption,
    RayOption,
    StoreOption,
    print_text,
    start_logs,
    store_uri,
    whoami,
)
from alignsearch.cli.submit import submit
from alignsearch.search.documents import REHEARSAL, Search
from alignsearch.search.store import Store
from alignsearch.search.use_cases.submission import (
    ALGOS,
    PENDING_POLICIES,
    OnCorrupt,
    Submission,
    create,
    prepare,
    set_out,
)
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.training import WEIGHTS_ORDERS

if TYPE_CHECKING:
    from alignsearch.dashboards.models import SubmitField
    from alignsearch.dashboards.web.auth import HashedToken

PORT = 8080
TOKEN_VARIABLE = "ALIGNSEARCH_DASHBOARD_TOKEN"
LONGEST_TEXT = 1000
STORE_SECONDS = 2.0
"""After which a store that doesn't answer counts as away."""


def default_token_file() -> Path:
    """Where a token's hash is kept: with the person's settings, for every folder's searches."""
    settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(settings) / "alignsearch" / "dashboard-token.json"


def dashboard(
    host: Annotated[
        str, typer.Option(help="Address to answer at; 0.0.0.0 is all of this machine's.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to answer at; 0: any free one.")
    ] = PORT,
    token_file: Annotated[
        Path | None, typer.Option(help="Where the hash of the token is kept, apart from others'.")
    ] = None,
    set_token: Annotated[
        bool, typer.Option("--set-token", help="Make a token, print it once, and end.")
    ] = False,
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "warning",
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Show searches in a browser, live, and steer them from there."""
    start_logs(log_format, log_level)
    # FastAPI and all takes half a second that other verbs do without.
    from alignsearch.dashboards.web.app import Options, create_app
    from alignsearch.dashboards.web.auth import HashedToken, new_token
    from alignsearch.dashboards.web.context import Submitter
    from alignsearch.dashboards.web.guard import is_loopback
    from alignsearch.dashboards.web.server import run

    path = token_file or default_token_file()
    if set_token:
        token = new_token()
        HashedToken.of(token).write(path)
        print_text(f"{token}\nits hash is in {path}; dashboards that run already don't know it")
        return
    with (
        _listening(host, port) as listening,
        Store.connect(store_uri(store), timeout=STORE_SECONDS) as opened,
    ):
        options = Options(
            loopback=is_loopback(host),
            person=whoami(),
            token=_token(path, asked=token_file),
            revive_store=reviver(store),
        )
        submitter = Submitter(
            fields=form_fields(),
            prepare=partial(prepare_aside, store=store, ray=ray),
            set_out=set_out,
            create=lambda to, search, named: create(to, search, named=named),
        )
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}/"
        run(
            create_app(opened, submitter, options),
            listening,
            lambda: print_text(f"dashboard at {address} (store {opened.uri_for_people})"),
        )


def prepare_aside(
    asked: Mapping[str, Any], who: str, *, store: str | None, ray: str | None
) -> Search | tuple[str, str]:
    """`submission.prepare` for another process: an error comes back as its name and message."""
    try:
        return prepare(_submission(asked), who, store=store, ray=ray)
    except AlignSearchError as error:
        return type(error).__name__, str(error)


def _token(path: Path, *, asked: Path | None) -> "HashedToken | None":
    from alignsearch.dashboards.web.auth import HashedToken

    given = os.environ.get(TOKEN_VARIABLE)
    if given:
        return HashedToken.of(given)
    return HashedToken.read(path) if asked is not None or path.exists() else None


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(
            f"can't answer at {host} port {port} ({error.strerror}): name another --host or --port"
        ) from error


def form_fields() -> "list[SubmitField]":
    """The form's fields: the options of `alignsearch submit` that say what is searched."""
    from alignment_core.data import DATA_SETS
    from alignsearch.dashboards.models import SubmitField

    options = {
        "space": list(SPACES),
        "dataset": [*DATA_SETS, REHEARSAL],
        "algo": list(ALGOS),
        "pending": list(PENDING_POLICIES),
        "weights_order": list(WEIGHTS_ORDERS),
        "on_corrupt": list(get_args(OnCorrupt)),
        "precision": list(PRECISIONS),
        "strategy": list(STRATEGIES),
        "pruner": list(PRUNERS),
        "pruned_as": list(INFORMS),
    }
    described = inspect.signature(submit).parameters
    fields = []
    for name, type_ in get_type_hints(Submission).items():
        parameter = described[name]
        has_default = parameter.default is not inspect.Parameter.empty
        fields.append(
            SubmitField(
                name=name,
                kind="choice" if name in options else _KINDS.get(_number_type(type_), "text"),
                options=options.get(name),
                required=not has_default,
                default=parameter.default if has_default else None,
                help=_help_of(get_type_hints(submit, include_extras=True)[name]),
            )
        )
    return fields


_KINDS: "dict[type | None, Literal['integer', 'number']]" = {int: "integer", float: "number"}


def _number_type(type_: Any) -> type | None:
    """int or float, if that is what a field holds besides nothing."""
    return next((kind for kind in (int, float) if kind in (type_, *get_args(type_))), None)


def _help_of(annotated: Any) -> str:
    return next((each.help or "" for each in annotated.__metadata__ if hasattr(each, "help")), "")


def _submission(asked: Mapping[str, Any]) -> Submission:
    """What was asked for, and the command line's defaults for the rest.

    Raises:
        UnknownNameError: a field that isn't there.
        ConfigurationError: a value of the wrong kind.
    """
    types = get_type_hints(Submission)
    unknown = next((name for name in asked if name not in types), None)
    if unknown is not None:
        raise UnknownNameError("option of submit", unknown, types)
    described = inspect.signature(submit).parameters
    values = {}
    for name, type_ in types.items():
        value = asked.get(name)
        if value is None or value == "":
            value = described[name].default
            if value is inspect.Parameter.empty:
                raise ConfigurationError(f"--{name} is missing")
        values[name] = _of_type(name, value, type_)
    return Submission(**values)


def _of_type(name: str, value: Any, type_: Any) -> Any:
    option = f"--{name.replace('_', '-')}"
    if value is None:
        return None
    number_type = _number_type(type_)
    if number_type is None:
        if isinstance(value, str) and len(value) <= LONGEST_TEXT:
            return value
        raise ConfigurationError(f"{option} must be text of {LONGEST_TEXT} letters at most")
    kind = {int: "an integer", float: "a number"}[number_type]
    refused = ConfigurationError(f"{option} must be {kind}, not {str(value)[:40]!r}")
    if isinstance(value, bool | list | dict):
        raise refused
    try:
        number = number_type(value)
    except (ValueError, OverflowError):
        raise refused from None
    if not math.isfinite(number) or (isinstance(value, float) and number != value):
        raise refused
    return number
