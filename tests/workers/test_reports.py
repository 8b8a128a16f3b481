"""Reports of programs: lines of their output, and lines of the file that the command writes."""

import json
import math

import pytest

from alignsearch.workers.reports import Report, append, parse_line, read, taken_over


@pytest.mark.parametrize(
    ("line", "report"),
    [
        ("loss: 0.25", Report({"loss": 0.25})),
        ("  loss = 1e-3  ", Report({"loss": 0.001})),
        ("step=3 loss=0.25 accuracy=0.9", Report({"loss": 0.25, "accuracy": 0.9}, 3)),
        ("accuracy: 0.9", Report({"accuracy": 0.9})),
        ("step: 3, loss: 0.25", Report({"loss": 0.25}, 3)),
        ('{"step": 3, "loss": 0.25, "note": "x"}', Report({"loss": 0.25}, 3)),
        ('{"status": "fail", "loss": 2}', Report({"loss": 2.0}, None, "fail")),
        ("loss: inf", Report({"loss": math.inf})),
    ],
)
def test_a_line_that_is_a_report(line, report):
    assert parse_line(line, "accuracy") == report


def test_a_loss_can_be_nan():
    assert math.isnan(parse_line("loss: nan", "loss").metrics["loss"])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "epoch 3, loss: 0.25",
        "loss: 0.25 - accuracy: 0.9",
        "loss: low",
        "size: 3",
        "step=3",
        "step=1.5 loss=0.2",
        "step=-1 loss=0.2",
        '{"loss": "0.25"}',
        '{"loss": true}',
        "[0.25]",
        "{loss: 0.25}",
        f'{{"loss": {10**400}}}',
        '{"loss": ' * 100_000,
    ],
)
def test_a_line_that_is_something_else(line):
    assert parse_line(line, "accuracy") is None


def test_reports_are_read_once_each_and_a_line_without_an_end_waits(tmp_path):
    file = tmp_path / "reports.jsonl"
    assert read(file) == ([], 0)
    append(file, Report({"loss": 0.5}, 1, seconds=2.0))
    first, offset = read(file)
    assert (first, first[0].seconds) == ([Report({"loss": 0.5}, 1)], 2.0)
    append(file, Report({"loss": math.nan, "val/loss": 1.0}))
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert read(file, offset) == ([], offset)
    file.write_bytes(whole)
    (second,), end = read(file, offset)
    assert math.isnan(second.metrics["loss"])
    assert second.metrics["val/loss"] == 1.0
    assert end == len(whole)


def test_damaged_lines_are_skipped(tmp_path):
    file = tmp_path / "reports.jsonl"
    file.write_bytes(b'\xff\n{"step": 1}\n[]\n"x"\n{"metrics": {"loss": "a"}}\n')
    with file.open("a") as more:
        more.write(f'{{"metrics": {{"loss": {10**400}}}}}\n' + '{"metrics": ' * 100_000 + "\n")
    append(file, Report({"loss": 0.5}, 1))
    assert read(file)[0] == [Report({"loss": 0.5}, 1)]


def test_a_metric_may_be_called_step(tmp_path):
    append(tmp_path / "r", Report({"step": 7.0, "status": 1.0}, 2))
    assert read(tmp_path / "r")[0] == [Report({"step": 7.0, "status": 1.0}, 2)]
    assert json.loads((tmp_path / "r").read_text())["step"] == 2


def test_steps_are_taken_over_once_each_in_order():
    reports = [Report({"loss": x}, step) for x, step in ((1, 0), (2, 1), (3, 2), (4, 1), (5, 2))]
    assert taken_over([*reports, Report({"loss": 9})], 2) == [
        Report({"loss": 1}, 0),
        Report({"loss": 4}, 1),
    ]
