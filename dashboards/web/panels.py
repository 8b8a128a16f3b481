"""The panels of a search's page: one line a panel.

A panel's `module` is a file in `static/charts/` whose `create(page, panels)` fills it when it comes
near the viewport. To add a chart, write that file and its line here.
"""

from dataclasses import dataclass
from typing import Literal

from alignsearch.search.documents import Search, is_list_of_runs, reported_names_of


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
        broad: whether it is as wide as the page.
        of: `runs` of experiments alone have it, or only searches that `sample`.
        of_several: whether only searches that measure several numbers have it.
    """

    id: str
    title: str
    module: str
    hint: str = ""
    link: str | None = None
    chart: str = "chart"
    broad: bool = False
    of: Literal["", "runs", "sample"] = ""
    of_several: bool = False


SEARCH_PANELS = (
    Panel(
        "runs",
        "Runs by rule, network and seed",
        "runs",
        link="Runs",
        chart="",
        broad=True,
        of="runs",
    ),
    Panel(
        "confirmation",
        "Confirmation",
        "confirmation",
        link="Confirmation",
        chart="",
        of="sample",
    ),
    Panel("took", "Cost", "took", link="Cost", chart=""),
    Panel(
        "front", "Metrics", "front", "a drag filters the trials", link="Metrics", of_several=True
    ),
    Panel(
        "slice",
        "Slices",
        "slice",
        "the most important metaparameters first; a drag filters the trials",
        link="Slices",
        chart="",
        broad=True,
    ),
    Panel("contour", "Contour", "contour", "smoothed", link="Contour", of="sample"),
    Panel("rank", "Rank", "rank", link="Rank", of="sample"),
    Panel(
        "importance",
        "Importance",
        "importance",
        "a click filters the trials by where the best ones lie",
        link="Importance",
        of="sample",
    ),
    Panel(
        "categorical",
        "Categorical metaparameters",
        "importance",
        "mean and standard error by option, the most important first; a click filters the trials",
        of="sample",
    ),
    Panel("curves", "Learning curves", "curves", link="Learning curves"),
    Panel("distribution", "Empirical distribution", "distribution", link="Distribution"),
    Panel("timeline", "Timeline of slots", "slots", link="Slots", broad=True),
    Panel("busy", "Busy slots", "slots"),
    Panel("hours", "Slot hours by how attempts ended", "slots"),
    Panel("failures", "Failures by reason and host", "failures", link="Failures"),
    Panel(
        "table",
        "Best configuration",
        "best_column",
        link="Best configuration",
        chart="",
        of="sample",
    ),
    Panel("events", "Events", "events", link="Events", chart=""),
)


def panels_of(search: Search) -> list[Panel]:
    """Return the panels of a search's page."""
    several = bool(reported_names_of(search))
    kinds = ("", "runs" if is_list_of_runs(search) else "sample")
    return [each for each in SEARCH_PANELS if each.of in kinds and (several or not each.of_several)]
