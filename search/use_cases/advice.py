"""Advice on a new search, which a person reads right after submitting it."""

from alignsearch.search.documents import REHEARSAL, Search


def advice_on(search: Search) -> str | None:
    """Return a line that a person should know before the search runs; None if there is none.

    A search over `wm` in the paper's order of weights often diverges (docs/fidelity.md).
    """
    recipe = search.recipe
    if recipe is None or recipe.dataset == REHEARSAL or search.space != "wm":
        return None
    if recipe.weights_order != "paper":
        return None
    return (
        "weights order: paper. Table 5's WM column diverges in it and trains in "
        "--weights-order reference (docs/fidelity.md)"
    )
