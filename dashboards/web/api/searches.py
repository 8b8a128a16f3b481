"""Endpoints that read searches. They need no login."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from alignsearch.dashboards import models
from alignsearch.dashboards.live.divergences import divergence_in
from alignsearch.dashboards.live.notices import notices_now
from alignsearch.dashboards.web import exports, payloads
from alignsearch.dashboards.web.context import context_of
from alignsearch.dashboards.web.parameters import (
    LONGEST_LABEL,
    TEXT,
    Download,
    Format,
    MetricName,
    Name,
    Names,
    Published,
    Rev,
    file_of,
    numbers,
)
from alignsearch.dashboards.web.responses import encoded_response, json_response
from alignsearch.dashboards.web.space_payloads import space_of
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.marks import MOST_TAGS
from alignsearch.search.reports.took import took

router = APIRouter(prefix="/api", responses=models.JSON_ERRORS)


@router.get("/health", response_model=models.Health)
def health(request: Request) -> Response:
    """Tell whether the store answers. The status is 200 in any case."""
    context = context_of(request)
    return json_response(
        request,
        models.Health(
            store=context.mirror.store.uri_for_people,
            available=not context.mirror.failure,
            message=context.mirror.failure,
            version=context.version,
        ),
    )


@router.get("/searches", response_model=models.Searches)
def searches(
    request: Request,
    tag: Annotated[
        list[Annotated[str, Query(max_length=200)]],
        Query(max_length=MOST_TAGS, description="Tags that the searches must have."),
    ] = [],  # noqa: B006
) -> Response:
    """List all searches, or those with all of some tags, the latest first.

    One that can't be read is left out.
    """
    mirror = context_of(request).mirror
    found = []
    for search in mirror.searches():
        if not {*tag} <= {*search.tags}:
            continue
        try:
            found.append(payloads.summary_of(mirror, search.name))
        except StoreCorruptedError as error:
            mirror.note_unreadable(search.name, error)
    return json_response(request, models.Searches(now=mirror.now().timestamp(), searches=found))


@router.get("/notices", response_model=models.Notices)
def notices(request: Request) -> Response:
    """List the notices of all searches: ends of the last day, and troubles that go on.

    They are those that webhooks get (`submit --notify`), under the same ids.
    """
    mirror = context_of(request).mirror
    return json_response(request, models.Notices(notices=notices_now(mirror)))


@router.get("/searches/{name}", response_model=models.SearchDetail)
def search(request: Request, name: Name) -> Response:
    """Read a search: progress, search space, recipe, versions and hosts."""
    mirror = context_of(request).mirror
    mirrored = mirror.get(name)
    with mirrored.lock:
        rev, hosts = mirrored.trials.rev, mirrored.trials.failures.hosts
        space = space_of(mirrored.search, mirrored.trials.column_names)
        cost = took(mirrored.search, mirrored.standing())
    return json_response(
        request,
        models.SearchDetail(
            rev=rev,
            now=mirror.now().timestamp(),
            summary=payloads.summary_of(mirror, name),
            space=space,
            recipe=mirrored.search.recipe,
            took=models.Took.model_validate(cost.to_json()),
            versions=mirrored.search.versions,
            resources=mirrored.search.resources,
            hosts=hosts,
        ),
    )


Exact = Annotated[bool, Query(description="Numbers and times with all their digits.")]


@router.get("/searches/{name}/history", response_model=models.TrialColumns)
def trial_columns(request: Request, name: Name, exact: Exact = False) -> Response:
    """Read all trials in columns, with numbers rounded to five digits, or exact."""
    mirror = context_of(request).mirror
    mirrored = mirror.get(name)
    if exact:
        found = payloads.trial_columns(mirrored, mirror.now(), exact=True)
        return json_response(request, found)
    encoded = payloads.encoded_trials(mirror, mirrored)
    etag = f'"{mirrored.trials.begun.timestamp():.0f}-{mirrored.trials.rev}-{mirrored.version}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return encoded_response(request, encoded, {"ETag": etag, "Cache-Control": "no-cache"})


@router.get("/searches/{name}/changes", response_model=models.TrialColumns)
def changes(request: Request, name: Name, since: Rev = 0, exact: Exact = False) -> Response:
    """Read the trials that changed after a revision, in columns."""
    mirror = context_of(request).mirror
    found = payloads.trial_columns(mirror.get(name), mirror.now(), since, exact=exact)
    return json_response(request, found)


@router.get("/searches/{name}/curves", response_model=models.Curves)
def curves(
    request: Request,
    name: Name,
    top: Annotated[int, Query(ge=0, le=50)] = 10,
    limit: Annotated[int, Query(ge=1, le=1000)] = 300,
    points: Annotated[int, Query(ge=2, le=200)] = 45,
    tids: Annotated[str, Query(max_length=2000, pattern=r"^([0-9]{1,15}(,[0-9]{1,15})*)?$")] = "",
    metric: Annotated[
        str | None,
        Query(max_length=LONGEST_LABEL, description="A number that trials report, by name."),
    ] = None,
) -> Response:
    """Read learning curves of the best trials and of others evenly by rank, or of `tids`.

    The curves show the search's metric, or another number that its trials report.
    """
    context = context_of(request)
    found = context.curves.select(
        context.mirror.get(name),
        top=top,
        limit=limit,
        points=points,
        tids=numbers(tids)[:limit],
        metric=metric,
    )
    return json_response(request, found)


@router.get("/searches/{name}/best", response_model=models.BestSoFar)
def best(request: Request, name: Name) -> Response:
    """Read the trials that were the best when they finished, in columns."""
    mirrored = context_of(request).mirror.get(name)
    with mirrored.lock:
        found = payloads.best_so_far(mirrored.trials)
    return json_response(request, found)


@router.get("/searches/{name}/failures", response_model=models.Failures)
def failures(request: Request, name: Name) -> Response:
    """Count failures by reason and by host."""
    mirrored = context_of(request).mirror.get(name)
    with mirrored.lock:
        by_reason = mirrored.trials.failures.by_reason()
        by_host = mirrored.trials.failures.by_host()
        diverged = divergence_in(mirrored.search, mirrored.trials).lines()
    return json_response(
        request,
        models.Failures(
            total=len({tid for each in by_reason for tid in each.tids}),
            diverged=diverged,
            by_reason=[
                models.FailureReason(
                    reason=each.reason,
                    kind=each.kind,
                    count=len(each.tids),
                    tids=list(each.tids[:20]),
                )
                for each in by_reason
            ],
            by_host=[models.FailuresOfHost(**vars(each)) for each in by_host],
        ),
    )


@router.get("/searches/{name}/slots", response_model=models.SlotUse)
def slots(request: Request, name: Name) -> Response:
    """Read which attempt took which slot when, and how many slots were busy."""
    mirror = context_of(request).mirror
    mirrored = mirror.get(name)
    with mirrored.lock:
        trials, parallel = mirrored.trials, mirrored.search.parallel
        now = (mirror.now() - trials.begun).total_seconds()
        found = trials.attempts.model(rev=trials.rev, now=now, slots=parallel)
    return json_response(request, found)


@router.get("/searches/{name}/events", response_model=models.Events)
def events(request: Request, name: Name) -> Response:
    """List the events of a search, the oldest first."""
    store = context_of(request).mirror.store
    store.searches.get(name)
    return json_response(request, models.Events(events=store.logs.events(name)))


@router.get("/searches/{name}/importance", response_model=models.Importances)
def importance(request: Request, name: Name, metric: MetricName = None) -> Response:
    """Read the importance of metaparameters. While it is `computing`, ask again."""
    context = context_of(request)
    return json_response(request, context.importances.of(context.mirror.get(name), metric))


@router.get("/searches/{name}/export", response_class=Response, responses=TEXT)
def export_search(
    request: Request, name: Name, format: Format = "markdown", download: Download = False
) -> Response:
    """Export the best trial as a column of the search's table."""
    columns = exports.columns_of(context_of(request).mirror, [name], published=False)
    file = f"{name}.{exports.SUFFIXES[format]}"
    return file_of(exports.text_of(columns, format), format, file, download=download)


@router.get("/searches/{name}/table", response_model=models.ResultTable)
def table_of_search(request: Request, name: Name) -> Response:
    """Read the best trial as the rows of the search's table."""
    mirror = context_of(request).mirror
    return json_response(request, exports.table_of(mirror, [name], published=False))


@router.get("/export", response_class=Response, responses=TEXT)
def export_several(
    request: Request,
    name: Names,
    format: Format = "markdown",
    published: Published = False,
    download: Download = False,
) -> Response:
    """Export the best trials of several searches as columns of one table."""
    names = list(dict.fromkeys(name))
    columns = exports.columns_of(context_of(request).mirror, names, published=published)
    file = f"table.{exports.SUFFIXES[format]}"
    return file_of(exports.text_of(columns, format), format, file, download=download)


@router.get("/table", response_model=models.ResultTable)
def table_of_several(request: Request, name: Names, published: Published = False) -> Response:
    """Read the best trials of several searches as the rows of one table."""
    mirror = context_of(request).mirror
    names = list(dict.fromkeys(name))
    return json_response(request, exports.table_of(mirror, names, published=published))


@router.get("/compare", response_model=models.Comparison)
def compare(request: Request, name: Names) -> Response:
    """Compare searches: progress, best so far, and best trials as one table."""
    mirror = context_of(request).mirror
    names = list(dict.fromkeys(name))
    compared = []
    for each in names:
        mirrored = mirror.get(each)
        with mirrored.lock:
            best = payloads.best_so_far(mirrored.trials)
        compared.append(models.Compared(summary=payloads.summary_of(mirror, each), best=best))
    table = exports.table_of(mirror, names, published=False)
    return json_response(request, models.Comparison(searches=compared, table=table))
