"""`alignsearch doctor`: check the installation, the data sets, the store and the cluster."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from alignsearch import doctor as checks
from alignsearch.cli.options import (
    JsonOption,
    RayOption,
    StoreOption,
    console,
    print_json,
    table_of,
)
from alignsearch.driving import cluster
from alignsearch.wiring import EMBEDDED_FOLDER


def doctor(
    every_host: Annotated[
        bool,
        typer.Option("--cluster", help="Check every host of the Ray cluster, by a task on each."),
    ] = False,
    dataset: Annotated[
        str, typer.Option(help="Data set that --cluster looks for on each host.")
    ] = "digits",
    data_dir: Annotated[
        str | None,
        typer.Option(help="Folder or gs:// address of the data set's files, as the hosts see it."),
    ] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Check installation, data sets, store and cluster; exit code 1 if one of them is unfit.

    With --cluster: also versions, TensorFlow, devices, data set, store, clock and disk of every
    host.
    """
    findings = [
        *checks.check_packages(),
        *checks.check_data_sets(),
        checks.check_store(store, EMBEDDED_FOLDER),
        *checks.check_slots(ray, cluster),
    ]
    if every_host:
        findings += checks.check_hosts(
            store, EMBEDDED_FOLDER, ray, cluster, dataset=dataset, data_dir=data_dir
        )
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        table = table_of("what", "", "found", "remedy")
        for finding in findings:
            mark = Text("ok", style="green") if finding.ok else Text("no", style="yellow")
            what = f"{finding.host}: {finding.what}" if finding.host else finding.what
            table.add_row(what, mark, finding.found, finding.remedy)
        console.print(table)
    if any(checks.is_serious(finding) for finding in findings):
        raise typer.Exit(1)
