"""axe, which finds what is wrong with a page for people who don't see or don't use a mouse."""

from pathlib import Path

AXE = Path(__file__).parents[1] / "javascript/node_modules/axe-core/axe.min.js"
FOUND = """() => axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations.map(({ id, help, nodes }) => ({
    id, help, nodes: nodes.slice(0, 4).map(({ html, failureSummary }) => html + failureSummary),
  })))"""
"""JavaScript that returns what axe finds in a page into which its script was loaded."""
