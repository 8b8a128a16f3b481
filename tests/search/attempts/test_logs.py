"""Logs as they are read: by people a line each, by programs an object a line."""

import json
import subprocess
import sys

PROGRAM = """
import logging
from alignsearch.search.attempts.logs import log_to_stderr
log_to_stderr({format!r}, {level!r})
logger = logging.getLogger("alignsearch.search.driver.driver")
logger.debug("too small to tell")
logger.info("trial %s is completed", "ia/7", extra={{"search": "ia", "trial": 7}})
logging.getLogger("pymongo").info("not ours")
logging.getLogger("pymongo").warning("theirs")
try:
    raise ConnectionError("mongodb://ann:se:cr@et@db:27017/x?a=b doesn't answer")
except ConnectionError:
    logger.exception("trying mongodb+srv://ann:secret@db/ again")
"""


def logged(format, level="info"):
    program = PROGRAM.format(format=format, level=level)
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout == ""
    return ran.stderr


def test_json_has_an_object_a_line_and_no_password():
    told, theirs, failed = (json.loads(line) for line in logged("json").splitlines())
    assert told.pop("time").endswith("+00:00")
    assert told == {
        "level": "info",
        "logger": "alignsearch.search.driver.driver",
        "message": "trial ia/7 is completed",
        "search": "ia",
        "trial": 7,
    }
    assert (theirs["logger"], theirs["message"]) == ("pymongo", "theirs")
    assert failed["message"] == "trying mongodb+srv://ann:***@db/ again"
    assert failed["error"].startswith("Traceback (most recent call last)")
    assert failed["error"].endswith("mongodb://ann:***@db:27017/x?a=b doesn't answer")


def test_text_has_time_level_and_message_and_no_password():
    first, second, third, *_, last = logged("text").splitlines()
    assert first.endswith(" INFO trial ia/7 is completed")
    assert second.endswith(" WARNING theirs")
    assert third.endswith(" ERROR trying mongodb+srv://ann:***@db/ again")
    assert last.endswith("mongodb://ann:***@db:27017/x?a=b doesn't answer")


def test_the_level_says_from_where_on():
    assert "too small to tell" in logged("text", "debug")
    assert "ia/7" not in logged("text", "warning")
