"""HTML pages of reports: interactive figures, captions, tables and the commands that were run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import DictLoader, Environment

from alignsearch.experiments.figures.static import PIXELS_AN_INCH

_STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; margin: 2rem auto; padding: 0 1rem;
  max-width: 62rem; }
figure, .table { margin: 2.5rem 0; overflow-x: auto; }
figcaption, .notes, p { max-width: 46rem; }
section { margin-top: 4rem; border-top: 3px solid #1a1a1a; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: left; border-bottom: 1px solid #ccc; }
.table table { font-size: .875rem; line-height: 1.4; }
th { border-bottom: 2px solid #1a1a1a; }
code { background: #f2f2f2; padding: .1rem .3rem; overflow-wrap: anywhere; }
pre { background: #f2f2f2; padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.print { display: none; }
.failed { color: #A33A00; font-weight: bold; }
@media print {
  body { max-width: none; margin: 0; }
  figure, tr { break-inside: avoid; }
  .screen { display: none; }
  .print { display: block; max-width: 100%; }
  .table table, .notes { font-size: .75rem; }
  th, td { padding: .2rem .4rem; }
  section { break-before: page; }
}
"""

_PARTS = """\
{% macro head(title) %}
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
{{ style | safe }}</style>
{% endmacro %}
{% macro versions(known) %}
Versions:
{% for name, version in known.items() %}{{ name }} {{ version }}{{ ", " if not loop.last }}
{%- endfor %}.
{% endmacro %}
{% macro experiment(section, only, level) %}
{% set found = section.document %}
<h{{ level }}>{{ found.title }}</h{{ level }}>
<p>{{ found.source }}</p>
{% for line in found.setting %}
<p>{{ line }}</p>
{% endfor %}
{% for figure in found.figures if not only or figure.name == only %}
<figure>
<div class="screen">{{ section.drawn[figure.name] | safe }}</div>
<img class="print" alt="" srcset="{{ section.pictures[figure.name] }} {{ density }}x">
<figcaption><strong>{{ figure.title }}.</strong> {{ found.captions[figure.name] }}
{% if not only %}
 For print: <a href="{{ section.base }}{{ figure.name }}.png">PNG</a>,
<a href="{{ section.base }}{{ figure.name }}.svg">SVG</a>.
{% endif %}
</figcaption>
</figure>
{% endfor %}
{% for table in found.tables if not only %}
<div class="table">
<h{{ level + 1 }}>{{ table.title }}</h{{ level + 1 }}>
<table>
<tr>{% for cell in table["head"] %}<th>{{ cell }}</th>{% endfor %}</tr>
{% for row in table.rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table>
<div class="notes">
{% for note in table.notes %}
<p>{{ note }}</p>
{% endfor %}
<p>As <a href="{{ section.base }}{{ table.name }}.md">Markdown</a>,
<a href="{{ section.base }}{{ table.name }}.tex">LaTeX</a>,
<a href="{{ section.base }}{{ table.name }}.csv">CSV</a>.</p>
</div>
</div>
{% endfor %}
<h{{ level + 1 }}>What was run</h{{ level + 1 }}>
<p><code>{{ found.command }}</code></p>
<p>Seeds: {{ found.seeds | join(", ") or "none" }}. Begun {{ found.started_at }}, took
{{ "%.1f" | format(found.seconds) }} s. {{ versions(found.versions) }}</p>
{% endmacro %}
"""

_ONE = """\
{% import "parts" as parts with context %}
<!doctype html>
<html lang="en">
<head>
{{ parts.head(section.document.title) }}
<script src="{{ script }}"></script>
</head>
<body>
{{ parts.experiment(section, only, 1) }}
</body>
</html>
"""

_ALL = """\
{% import "parts" as parts with context %}
<!doctype html>
<html lang="en">
<head>
{{ parts.head(title) }}
<script>{{ script | safe }}</script>
</head>
<body>
<h1>{{ title }}</h1>
{% for line in lines %}
<p>{{ line }}</p>
{% endfor %}
<table>
<tr><th>experiment</th><th>Kunin et al. 2020</th><th>outcome</th><th>seconds</th></tr>
{% for entry in entries %}
<tr>
<td><a href="#{{ entry.name }}">{{ entry.name }}</a></td>
<td>{{ entry.source }}</td>
<td{% if entry.error %} class="failed"{% endif %}>{{ entry.outcome }}</td>
<td>{{ "%.0f" | format(entry.seconds) }}</td>
</tr>
{% endfor %}
</table>
<h2>What was run</h2>
<p><code>{{ command }}</code></p>
<p>Begun {{ started_at }}, took {{ "%.0f" | format(seconds) }} s. {{ parts.versions(versions) }}</p>
{% for entry in entries %}
<section id="{{ entry.name }}">
{% if entry.section %}
{{ parts.experiment(entry.section, none, 2) }}
{% if entry.command != entry.section.document.command %}
<p>In full, with what it needed first: <code>{{ entry.command }}</code></p>
{% endif %}
{% else %}
<h2>{{ entry.name }}</h2>
<p>{{ entry.source }}</p>
<p class="failed">This experiment failed. The others don't depend on it. The same command tries
it again.</p>
<p><code>{{ entry.command }}</code></p>
<pre>{{ entry.error }}</pre>
{% endif %}
</section>
{% endfor %}
</body>
</html>
"""

_PAGES = Environment(
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    loader=DictLoader({"parts": _PARTS, "one": _ONE, "all": _ALL}),
)
_PAGES.globals["style"] = _STYLE
# Pixels of a PNG for each CSS pixel, of which an inch has 96.
_PAGES.globals["density"] = f"{PIXELS_AN_INCH / 96:.4f}"


@dataclass(frozen=True)
class Section:
    """One experiment on a page.

    Attributes:
        document: its `experiment.json`.
        drawn: HTML of each figure, by name.
        pictures: URL of each figure's PNG, which replaces the figure in print.
        base: relative URL of the folder with its files; empty for the page's own.
    """

    document: Mapping[str, Any]
    drawn: Mapping[str, str]
    pictures: Mapping[str, str]
    base: str = ""


@dataclass(frozen=True)
class Entry:
    """One experiment on a page of many; one without a `section` has failed with an `error`."""

    name: str
    source: str
    command: str
    outcome: str
    seconds: float
    section: Section | None = None
    error: str = ""


def page(section: Section, script: str, only: str = "") -> str:
    """HTML page of one experiment; with `only`, of the figure of this name.

    script: URL of Plotly's script.
    """
    return _PAGES.get_template("one").render(section=section, script=script, only=only)


def page_of_all(
    title: str,
    lines: Sequence[str],
    entries: Sequence[Entry],
    *,
    script: str,
    command: str,
    started_at: str,
    seconds: float,
    versions: Mapping[str, str],
) -> str:
    """HTML page of many experiments in a single file.

    lines: paragraphs below the title. script: text of Plotly's script, which the page contains.
    """
    return _PAGES.get_template("all").render(
        title=title,
        lines=lines,
        entries=entries,
        script=script,
        command=command,
        started_at=started_at,
        seconds=seconds,
        versions=versions,
    )
