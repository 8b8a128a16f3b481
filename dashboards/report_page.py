"""The page that shows an experiment: figures to explore, captions, tables, what was run."""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<script src="{{ script }}"></script>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; margin: 2rem auto; padding: 0 1rem;
  max-width: 62rem; }
figure, .table { margin: 2.5rem 0; overflow-x: auto; }
figcaption, .notes { max-width: 46rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; text-align: left; border-bottom: 1px solid #ccc; }
th { border-bottom: 2px solid #1a1a1a; }
code { background: #f2f2f2; padding: .1rem .3rem; overflow-wrap: anywhere; }
@media print { body { max-width: none; margin: 0; } figure, .table { break-inside: avoid; } }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p>{{ report.source }}</p>
{% for line in report.setting %}
<p>{{ line }}</p>
{% endfor %}
{% for figure in figures %}
<figure>
{{ drawn[figure.name] | safe }}
<figcaption><strong>{{ figure.title }}.</strong> {{ figure.caption }}
{% if tables %}
 For print: <a href="{{ figure.name }}.png">PNG</a>, <a href="{{ figure.name }}.svg">SVG</a>.
{% endif %}
</figcaption>
</figure>
{% endfor %}
{% for table in tables %}
<div class="table">
<h2>{{ table.title }}</h2>
<table>
<tr>{% for cell in table.head %}<th>{{ cell }}</th>{% endfor %}</tr>
{% for row in table.plain() %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table>
<div class="notes">
{% for note in table.notes %}
<p>{{ note }}</p>
{% endfor %}
<p>As <a href="{{ table.name }}.md">Markdown</a>, <a href="{{ table.name }}.tex">LaTeX</a>,
<a href="{{ table.name }}.csv">CSV</a>.</p>
</div>
</div>
{% endfor %}
<h2>What was run</h2>
<p><code>{{ run.command }}</code></p>
<p>Seeds: {{ run.seeds | join(", ") or "none" }}. Begun {{ run.started_at }}, took
{{ "%.1f" | format(run.seconds) }} s. Versions:
{% for name, version in run.versions.items() %}{{ name }} {{ version }}{{ ", " if not loop.last }}
{%- endfor %}.</p>
</body>
</html>
""")


def page(
    title: str,
    run: Any,
    figures: Sequence[Any],
    tables: Sequence[Any],
    drawn: Mapping[str, str],
    report: Any,
    script: str,
) -> str:
    """The HTML of a page that loads `script` and holds `drawn[name]` for each figure."""
    return _PAGE.render(
        title=title,
        run=run,
        figures=figures,
        tables=tables,
        drawn=drawn,
        report=report,
        script=script,
    )
