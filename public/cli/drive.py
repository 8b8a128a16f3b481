"""`alignsearch serve`: drive all searches of a store."""

from typing import Annotated

import typer

from alignsearch.cli.options import (
    LogFormatOption,
    LogLevelOption,
    RayOption,
    StoreOption,
    console,
    notice,
    print_text,
    start_logs,
)
from alignsearch.driving import cluster, drive, interruptible, make_driver
from alignsearch.names import driver_owner
from alignsearch.progress import ProgressDisplay
from alignsearch.search.driver.presence import present
from alignsearch.search.store import Store
from alignsearch.wiring import reviver, store_uri


def serve(
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port for Prometheus metrics; 0 takes any free port. Default: no metrics.",
        ),
    ] = None,
    metrics_host: Annotated[
        str,
        typer.Option(
            help="Address for Prometheus metrics; 0.0.0.0 is every address of this machine."
        ),
    ] = "127.0.0.1",
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "warning",
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Drive all queued searches at once until interrupted, sharing the cluster by priority."""
    start_logs(log_format, log_level)
    uri = store_uri(store)
    if metrics_port is not None:
        from alignsearch.search.driver.prometheus import serve_metrics

        port = serve_metrics(uri, metrics_host, metrics_port)
        print_text(f"metrics at http://{metrics_host}:{port}/metrics")
    # Before the cluster: it may take most of a minute to start, in which this process lives, too.
    with (
        Store.connect(uri) as opened,
        present(opened, driver_owner()),
        cluster(ray, notice),
        interruptible(notice) as interrupt,
    ):
        from alignsearch.search.driver.service import Service
        from alignsearch.search.use_cases.beside_driving import beside_driving
        from alignsearch.workers.cluster import ask_for, nodes

        revive = reviver(store)
        print_text(f"serving the searches of {opened.uri_for_people}")
        service = Service(
            opened,
            lambda name, allotted: make_driver(opened, uri, name, revive, allotted),
            lambda driver, stop: drive(opened, driver, stop, ProgressDisplay(console, driver.name)),
            lambda: [node.resources for node in nodes()],
            owner=driver_owner(),
            say=print_text,
            revive_store=revive,
            ask_for=ask_for,
        )
        with beside_driving(opened, uri, driver_owner(), interrupt=interrupt, say=notice):
            service.run(interrupt)
