"""`alignsearch data`: check that a data set is complete, and time its input pipeline."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alignment_core.errors import DataError
from alignsearch.cli.options import (
    ImageSizeOption,
    JsonOption,
    OutputOption,
    console,
    notices,
    print_json,
    table_of,
)
from alignsearch.tensorflow_import import check_data, import_tensorflow

if TYPE_CHECKING:
    from alignment_core.data.dataset import SplitSurvey

USUAL_BATCH = 256
SHOWN_RECORDS = 20
"""Limits the corrupt records in the table, so that it fits a terminal; `--json` has all."""


def data(
    name: Annotated[
        str | None, typer.Argument(help="Name of a data set. Default: list all data sets.")
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option("--data-dir", help="Folder or gs:// address of the data set's files."),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", min=1, help=f"Images in a batch. Default: {USUAL_BATCH}."),
    ] = None,
    image_size: ImageSizeOption = None,
    preprocessing: Annotated[
        str, typer.Option(help="Preprocessing of ImageNet's images: v1, or v2 for the v2 networks.")
    ] = "v1",
    as_json: JsonOption = False,
    output: OutputOption = None,
) -> None:
    """Read every image of a data set and time its input pipeline; exit code 1 if it is incomplete.

    Without a name: list the data sets, and whether they are on this machine.
    """
    if name is None:
        _list(as_json)
        return
    from alignment_core import data as data_sets

    # All corrupt records are counted, so the first one must not end the reading.
    options = data_sets.InputOptions(image_size, preprocessing, on_corrupt="skip")
    check_data(name, data_dir, options)
    import_tensorflow()
    from alignment_core.data.throughput import images_per_second

    with notices.status(f"reading every image of {name}"):
        loaded = data_sets.load(name, data_dir, options)
        surveys = loaded.survey()
    batch = batch_size or min(USUAL_BATCH, loaded.train_size)
    with notices.status("timing the input pipeline"):
        speed = images_per_second(loaded, batch)
    whole = all(survey.complete for survey in surveys.values())
    if as_json:
        print_json(
            {
                "name": name,
                "complete": whole,
                "splits": {split: _document(survey) for split, survey in surveys.items()},
                "image_shape": loaded.image_shape,
                "batch_size": batch,
                "images_per_second": speed,
            }
        )
    else:
        _print(surveys)
        console.print(
            f"input pipeline: {speed:,.0f} images a second, {_sides(loaded.image_shape)}, "
            f"in batches of {batch}"
        )
    if not whole:
        raise typer.Exit(1)


def _list(as_json: bool) -> None:
    from alignment_core import data as data_sets

    problems: dict[str, str | None] = {}
    for name in data_sets.DATA_SETS:
        try:
            data_sets.check(name)
            problems[name] = None
        except DataError as error:
            problems[name] = str(error)
    if as_json:
        print_json(
            [
                {**asdict(facts), "here": problems[name] is None, "problem": problems[name]}
                for name, facts in data_sets.DATA_SETS.items()
            ]
        )
        return
    table = table_of("data set", "images", "shape", "classes", "on this machine")
    for name, facts in data_sets.DATA_SETS.items():
        table.add_row(
            name,
            f"{facts.train_size:,} + {facts.validation_size:,}",
            _sides(facts.image_shape),
            str(facts.num_classes),
            problems[name] or "yes",
        )
    console.print(table)


def _document(survey: "SplitSurvey") -> dict[str, Any]:
    classes = survey.label_counts.nonzero()[0]
    return {
        "images": survey.images,
        "expected": survey.expected,
        "classes": len(classes),
        "labels": [int(classes[0]), int(classes[-1])] if len(classes) else None,
        "smallest": survey.smallest,
        "largest": survey.largest,
        "corrupt": [asdict(record) for record in survey.corrupt],
    }


def _print(surveys: dict[str, "SplitSurvey"]) -> None:
    table = table_of("split", "images", "expected", "classes", "labels", "shapes", "corrupt")
    for split, survey in surveys.items():
        found = _document(survey)
        shapes = dict.fromkeys(
            _sides(shape) for shape in (survey.smallest, survey.largest) if shape
        )
        table.add_row(
            split,
            f"{survey.images:,}",
            f"{survey.expected:,}",
            str(found["classes"]),
            "-" if found["labels"] is None else "{} to {}".format(*found["labels"]),
            " to ".join(shapes) or "-",
            str(len(survey.corrupt)),
        )
    console.print(table)
    records = [record for survey in surveys.values() for record in survey.corrupt]
    for record in records[:SHOWN_RECORDS]:
        console.print(f"corrupt: {record}", soft_wrap=True, highlight=False, markup=False)
    if len(records) > SHOWN_RECORDS:
        console.print(f"and {len(records) - SHOWN_RECORDS} more: --json has all of them")


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)
