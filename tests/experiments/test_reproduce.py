"""`alignsearch experiment reproduce`: one page of what is done and what failed."""

import html
import json
import re
import shutil

import pytest
from experiment_output import in_this_process


@pytest.fixture
def reproduced(scalar, tmp_path):
    """A report of one experiment that was done before, and of one that can't be done."""
    _, left = scalar
    done_before = tmp_path / "all" / "scalar-network"
    shutil.copytree(left.folder, done_before)
    told = left.run | {"command": "alignsearch experiment scalar-network --out all/scalar-network"}
    (done_before / "experiment.json").write_text(json.dumps(told))
    (tmp_path / "all" / "stability").write_text("in the way")
    options = ("--only", "scalar-network,stability", "--out", "all")
    code, printed, said = in_this_process(tmp_path, "experiment", "reproduce", *options)
    return tmp_path / "all", left, code, printed, said


def test_reproduce_shows_what_is_done_and_what_failed_in_one_page(reproduced):
    folder, left, code, printed, said = reproduced
    assert code == 1
    assert "failed: stability" in printed
    assert "stability can't hold an experiment: it is a file" in said
    page = html.unescape((folder / "index.html").read_text())
    assert page.count("<section") == 2
    assert [f for f in left.run["captions"] if f'id="figure-scalar-network-{f}"' not in page] == []
    assert [text for text in left.run["captions"].values() if text not in page] == []
    wanted = [each["title"] for each in left.run["tables"]]
    wanted += ["alignsearch experiment scalar-network --out all/scalar-network", "scipy", "Seeds:"]
    wanted += ["alignsearch experiment stability --out all/stability", "it is a file"]
    assert [text for text in wanted if text not in page] == []
    # One file shows everything, on paper too; what is beside it is there to be taken.
    assert "<script src" not in page
    pictures = re.findall(r'<img class="print" alt="" srcset="([^" ]+) 2.0833x">', page)
    assert [each[:22] for each in pictures] == ["data:image/png;base64,"] * len(
        left.run["captions"]
    )
    text = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    links = re.findall(r'<a href="([^"#]+)"', text)
    assert len(links) == 2 * len(left.run["captions"]) + 3 * len(left.run["tables"])
    assert [each for each in links if not (folder / each).exists()] == []


def test_reproduce_tells_programs_what_became_of_each(reproduced):
    folder, _, _, _, _ = reproduced
    told = json.loads((folder / "reproduce.json").read_text())
    outcomes = {each["name"]: each["outcome"] for each in told["experiments"]}
    assert outcomes == {"stability": "failed", "scalar-network": "done before"}
