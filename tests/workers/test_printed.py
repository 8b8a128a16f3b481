"""Printed lines as log lines: whole lines, by thread, and passed on to where they went before."""

import io
import logging
import sys
import threading

import pytest

from alignsearch.workers.printed import LONGEST_LINE, prints_logged


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "alignsearch.workers.printed")
    return lambda: [record.getMessage() for record in caplog.records]


def test_lines_are_logged_whole_and_still_printed(lines, monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with prints_logged():
        sys.stdout.write("one ")
        sys.stdout.write("line\nand another\n")
        sys.stderr.write("unfinished")
        assert lines() == ["one line", "and another"]
    assert lines() == ["one line", "and another", "unfinished"]
    assert out.getvalue() == "one line\nand another\n"
    assert sys.stdout is out


def test_a_progress_bar_is_one_line(lines):
    with prints_logged():
        for percent in range(101):
            sys.stdout.write(f"\r{percent} %")
        sys.stdout.write("\n")
    assert lines() == ["100 %"]


def test_a_line_without_an_end_takes_bounded_memory(lines):
    with prints_logged():
        for _ in range(5):
            sys.stdout.write("x" * LONGEST_LINE)
        assert all(len(line) <= 2 * LONGEST_LINE for line in lines())
    assert sum(map(len, lines())) == 5 * LONGEST_LINE


def test_each_attempts_thread_logs_its_own_lines(caplog, capsys):
    caplog.set_level(logging.INFO, "alignsearch.workers.printed")
    both = threading.Barrier(2)

    def attempt(name):
        with prints_logged():
            both.wait(300.0)
            sys.stdout.write(f"of {name}\n")
            both.wait(300.0)

    threads = [threading.Thread(target=attempt, args=(n,), name=n) for n in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300.0)
    sys.stdout.write("of no attempt\n")
    assert {(r.threadName, r.getMessage()) for r in caplog.records} == {
        ("a", "of a"),
        ("b", "of b"),
    }
    assert "of no attempt" in capsys.readouterr().out


def test_a_handler_that_prints_is_not_logged_without_end(caplog):
    class Printing(logging.Handler):
        def emit(self, record):
            sys.stdout.write(f"logged: {record.getMessage()}\n")

    logger = logging.getLogger("alignsearch.workers.printed")
    logger.setLevel(logging.INFO)
    handler = Printing()
    logger.addHandler(handler)
    try:
        with prints_logged():
            sys.stdout.write("once\n")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert [record.getMessage() for record in caplog.records] == ["once"]
