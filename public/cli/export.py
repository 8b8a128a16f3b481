"""`alignsearch export`: the best configurations as columns of their definitions' tables."""

from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.cli.completion import search_names
from alignsearch.cli.options import OutputOption, StoreOption, print_data, print_text
from alignsearch.search.reports import text_tables
from alignsearch.search.reports.best import best_columns
from alignsearch.search.reports.export import export as render
from alignsearch.search.reports.export import published_columns
from alignsearch.search.use_cases.export_optuna import export_optuna
from alignsearch.search.use_cases.giving import counted
from alignsearch.wiring import open_store


def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            help="Names of searches; each is a column.",
            autocompletion=search_names,
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="text, markdown, latex, csv or json."),
    ] = "text",
    document: Annotated[
        bool,
        typer.Option(
            "--document", help="With latex: a whole document, and not a table for \\input."
        ),
    ] = False,
    published: Annotated[
        bool, typer.Option("--published", help="Add the four columns of the paper's Table 5.")
    ] = False,
    to: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--to",
            metavar="optuna URL",
            help="Write all trials of one search to a study of Optuna's: optuna sqlite:///FILE.",
        ),
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="With --to: the study's name. Default: the search's.")
    ] = None,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """Print the best configuration of each search as a column of a table.

    A search of several metrics has a column for each trial of its front.

    The rows are those of the search's definition: Table 5 for the paper's spaces, one row a
    dimension for others.
    """
    if to is not None:
        unused = {
            "--format": format != "text",
            "--document": document,
            "--published": published,
            "--output": output is not None,
        }
        for option in (name for name, is_given in unused.items() if is_given):
            raise ConfigurationError(f"{option} has no use with --to optuna, which writes no table")
        _to_optuna(names or [], to, study, store)
        return
    if study is not None:
        raise ConfigurationError("--study belongs to --to optuna URL")
    if document and format != "latex":
        raise ConfigurationError("--document belongs to --format latex")
    columns = published_columns() if published else []
    if not names and not published:
        raise ConfigurationError("name at least one search, or ask for --published")
    if names:
        with open_store(store) as opened:
            columns += [each for name in names for each in best_columns(opened, name)]
    table = render(columns, format)
    print_data(text_tables.document(table) if document else table)


def _to_optuna(names: list[str], to: tuple[str, str], study: str | None, store: str | None) -> None:
    tool, url = to
    if tool != "optuna":
        raise ConfigurationError(f"--to {tool}: a search is exported to optuna, as no other tool")
    if len(names) != 1:
        raise ConfigurationError("--to optuna takes one search, for a study has one space")
    with open_store(store) as opened:
        done = export_optuna(opened, names[0], url, study)
    more = f"; left out: {', '.join(done.left_out)}" if done.left_out else ""
    there = f", {done.before} were there" if done.before else ""
    print_text(f"study {done.study}: {counted(done.new, 'trial')} added{there}{more}")
