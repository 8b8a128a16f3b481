"""Texts from elsewhere never reach a terminal as commands, and one place sees to that."""

import ast
import io
import json
import unicodedata

import pytest
from house import modules
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from alignsearch.search.documents.visible_text import visible, visible_json
from alignsearch.terminal import VisibleConsole

ODD = [
    *map(chr, [*range(0x20), *range(0x7F, 0xA0)]),
    *"\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\udc80\ud800\U000e0041",
]
"""Every control character, and others that change what is seen without being seen."""
KEPT = ("\t", "\n")


@pytest.mark.parametrize("character", ODD, ids=lambda character: f"U+{ord(character):04X}")
def test_a_character_that_a_terminal_obeys_is_shown(character):
    shown = visible(f"a{character}b")
    if character in KEPT:
        assert shown == f"a{character}b"
        return
    assert shown.isprintable()
    assert shown.isascii()
    assert shown == ascii(f"a{character}b").strip("'")


def test_letters_of_all_scripts_stay():
    text = "grün é 日本 العربية नमस्ते 👩‍🔬 \u00a0 x²"
    assert visible(text) is text


def test_no_control_or_format_character_is_left_but_joiners():
    """By Unicode's categories, which are another table than ours."""
    left = {
        chr(point)
        for point in range(0x110000)
        if unicodedata.category(chr(point)) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(chr(point)) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI")
        or unicodedata.bidirectional(chr(point)) in ("RLI", "FSI", "PDI")
        if visible(chr(point)) == chr(point)
    }
    assert left == set(KEPT)


def test_json_says_the_same_without_them():
    text = "".join(ODD)
    printed = visible_json(json.dumps({"note": text}, ensure_ascii=False))
    assert printed.isprintable()
    assert json.loads(printed) == {"note": text}


@pytest.mark.parametrize("in_a_terminal", [True, False])
def test_no_part_of_a_table_or_panel_is_obeyed(in_a_terminal):
    text = "a\x1b]0;title\x07\x9b2J\u202eb"
    shown = "a\\x1b]0;title\\x07\\x9b2J\\u202eb"
    out = io.StringIO()
    console = VisibleConsole(
        file=out, force_terminal=in_a_terminal, color_system=None, width=200, markup=False
    )
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    console.print(Panel(table))
    console.print(text)
    printed = out.getvalue()
    assert printed.count(shown) == 4
    # One that is made of parts loses what Rich removes by itself, and sends nothing either.
    out.truncate(0)
    console.print(Panel(Text.assemble(text, (text, "bold")), title=text))
    printed += out.getvalue()
    assert not {"\x1b]", "\x07", "\x9b", "\u202e"} & {
        printed[at : at + size] for at in range(len(printed)) for size in (1, 2)
    }


def writers():
    """Yield each place of ours that writes to a terminal by itself, as module and call."""
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in (
                    "Console",
                    "print",
                    "sys.stdout.write",
                    "sys.stderr.write",
                    "typer.echo",
                    "typer.secho",
                    "click.echo",
                ):
                    yield name, called


ALLOWED = {
    ("alignsearch.terminal", "sys.stderr.write"),
    ("alignsearch.cli.options", "sys.stdout.write"),
    # Lines of our own commands, which are made visible there.
    ("alignsearch.cli.experiments.reproduce", "sys.stderr.write"),
}


def test_only_these_places_write_to_a_terminal():
    assert set(writers()) == ALLOWED
