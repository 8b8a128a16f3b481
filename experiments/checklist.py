"""Checklist of what each rule needs of a brain, after Table 1 of Li and Benna 2024.

The questions are theirs (arXiv 2405.20594); the answers follow from the rules' equations as they
are built here, and each has its reason.
"""

from dataclasses import dataclass

QUESTIONS = ("sign transport", "magnitude transport", "separate phase", "symmetry after training")
"""The questions: whether the backward path is given the signs of forward weights, or their sizes;
whether the backward kernels learn while the network isn't at its task; and whether each backward
weight mirrors a forward weight in the end."""


@dataclass(frozen=True)
class Answer:
    """Yes or no, or a word between them, and why."""

    word: str
    reason: str


YES, NO = "yes", "no"

_NOTHING_LEARNS = Answer(NO, "no backward kernel learns")
_BY_UPDATES = "forward weights stay where they are: B learns by itself"
_NOISE = Answer(YES, "noise takes the place of the layer's input while B learns")
_TO_W = "R is lowest where B is in proportion to W^T"
_SIGNS = (
    Answer(YES, "the backward pass uses sign(W)"),
    Answer(NO, "sizes are a constant's or a random draw's"),
    _NOTHING_LEARNS,
    Answer("signs", "signs agree at every step, sizes do not"),
)
_MIRRORS = (
    Answer(NO, _BY_UPDATES),
    Answer(NO, _BY_UPDATES),
    _NOISE,
    Answer(YES, _TO_W),
)

CHECKLIST: dict[str, tuple[Answer, ...]] = {
    "bp": (
        Answer(YES, "the backward pass uses W^T itself"),
        Answer(YES, "the backward pass uses W^T itself"),
        _NOTHING_LEARNS,
        Answer(YES, "both passes share one kernel"),
    ),
    "fa": (
        Answer(NO, "B is drawn at random"),
        Answer(NO, "B is drawn at random"),
        _NOTHING_LEARNS,
        Answer(NO, "B stays as it was drawn; W turns towards it in part"),
    ),
    "dfa": (
        Answer(NO, "B is drawn at random"),
        Answer(NO, "B is drawn at random"),
        _NOTHING_LEARNS,
        Answer(NO, "B leads from the output to the layer, so no weight has a counterpart"),
    ),
    "usf": _SIGNS,
    "brsf": _SIGNS,
    "frsf": _SIGNS,
    "kp": (
        Answer(NO, "updates are shared, weights are not"),
        Answer(NO, "updates are shared, weights are not"),
        Answer(NO, "B learns from the updates of the task"),
        Answer(YES, "W - B^T decays to zero"),
    ),
    "wm": _MIRRORS,
    "wm_ad": _MIRRORS,
    "ia": (
        *_MIRRORS[:3],
        Answer(
            "in part",
            "R is lowest near a multiple of W^T if null weighs little, and near that of W's "
            "pseudoinverse if it weighs much",
        ),
    ),
    "sa": (
        Answer(YES, "the self primitive multiplies B with W entry by entry"),
        Answer(YES, "the self primitive multiplies B with W entry by entry"),
        Answer(NO, "R is minimized together with J"),
        Answer(YES, _TO_W),
    ),
    "aa": (
        Answer(NO, "R sees activities alone; its sparse primitive isn't local"),
        Answer(NO, "R sees activities alone; its sparse primitive isn't local"),
        Answer(NO, "R is minimized together with J"),
        Answer(YES, _TO_W),
    ),
    "pfa": (
        Answer(NO, "updates are shared, weights are not"),
        Answer(NO, "updates are shared, weights are not"),
        Answer(NO, "B learns from the updates of the task"),
        Answer(
            NO, "the product of two kernels goes to W^T, and no single weight has a counterpart"
        ),
    ),
}
"""Answers of each rule, in the order of `QUESTIONS`; a rule of one's own has none."""
