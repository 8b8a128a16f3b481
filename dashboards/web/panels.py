"""The panels of a search's page: one line a panel.

A panel's `module` is a file in `static/charts/` whose `create(page, panels)` fills it when it comes
near the viewport. To add a chart, write that file and its line here.
"""

from dataclasses import dataclass

from alignsearch.search.documents import Search, reported_names_of


@dataclass(frozen=True)
class Panel:
    """A panel of a search's page.

    Attributes:
        id: id of its HTML element.
        title: its heading.
        module: the module that fills it; panels with the same module are filled together.
        hint: small text beside the heading.
        link: text of the link at the top of the page; None for no link.
        chart: CSS classes of its content: `chart` is as high as a chart, "" as its content.
        of_several: whether only searches that measure several numbers have it.
    """

    id: str
    title: str
    module: str
    hint: str = ""
    link: str | None = None
    chart: str = "chart"
    of_several: bool = False


SEARCH_PANELS = (
    Panel("confirmation", "Confirmation", "confirmation", link="Confirmation", chart=""),
    Panel("took", "Cost", "took", link="Cost", chart=""),
    Panel(
        "front", "Metrics", "front", "a drag filters the trials", link="Metrics", of_several=True
    ),
    Panel("slice", "Slice", "slice", link="Slices"),
    Panel("contour", "Contour", "contour", "smoothed"),
    Panel("importance", "Importance", "importance", link="Importance"),
    Panel(
        "categorical",
        "Categorical metaparameters",
        "importance",
        "mean score, error bars SEM, by importance",
    ),
    Panel("curves", "Learning curves", "curves", link="Learning curves"),
    Panel("failures", "Failures by reason and host", "failures", link="Failures"),
    Panel("table", "Best configuration", "best_column", link="Best configuration", chart=""),
    Panel("events", "Events", "events", link="Events", chart=""),
)


def panels_of(search: Search) -> list[Panel]:
    """Return the panels of a search's page."""
    several = bool(reported_names_of(search))
    return [each for each in SEARCH_PANELS if several or not each.of_several]
