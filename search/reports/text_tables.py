"""Tables as plain text, as Markdown, and as LaTeX.

Text between two dollar signs in a cell or a note is LaTeX mathematics.
"""

import re
from collections.abc import Sequence

Cells = Sequence[str]

PACKAGES = "amsmath,booktabs,graphicx"
"""LaTeX packages that a table needs."""
LABEL = "tab:configurations"
"""The label by which a LaTeX text refers to a table with a caption."""

_SCIENTIFIC = re.compile(r"×10\^\{(-?\d+)\}")


def markdown(head: Cells, body: Sequence[Cells], notes: Sequence[str] = ()) -> str:
    """Return a Markdown table with padded columns; each note is a line below it."""
    lines = [[markdown_text(cell) for cell in line] for line in (head, *body)]
    widths = [max(3, *map(len, cells)) for cells in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    table = [
        f"| {' | '.join(cell.ljust(at) for cell, at in zip(line, widths, strict=True))} |"
        for line in lines
    ]
    below = [f"{markdown_text(note)}  " for note in notes]
    return "\n".join([*table, "", *below]).rstrip() + "\n"


def text(head: Cells, body: Sequence[Cells], notes: Sequence[str] = ()) -> str:
    """Return a table for people without any markup; each note is a line below it.

    >>> print(text(["", "ia"], [["α", "2.8×10^{-8}"]]), end="")
       ia
    -  ------
    α  2.8e-8
    """
    lines = [[without_latex(re.sub(r"\s+", " ", cell)) for cell in line] for line in (head, *body)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    table = [
        "  ".join(cell.ljust(at) for cell, at in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    below = [without_latex(note) for note in notes]
    return "\n".join([*table, "", *below]).rstrip() + "\n"


def without_latex(text: str) -> str:
    r"""Return a text whose mathematics is plain: 2.8109e-8 for 2.8109×10^{-8}, R_WM for its symbol.

    >>> without_latex(r"$\mathcal{R}_{\text{WM}}^{\text{TPE}}$ of $\lvert\mathcal{B}\rvert$")
    'R_WM^TPE of |B|'
    """
    scientific = _SCIENTIFIC.sub(r"e\1", text)
    return re.sub(r"\$([^$]*)\$", lambda found: _plain_mathematics(found[1]), scientific)


def _plain_mathematics(latex: str) -> str:
    bars = re.sub(r"\\[lr]vert\b", "|", latex)
    names = re.sub(r"\\(?:mathcal|mathrm|text)\b", "", bars)
    return re.sub(r"[{}\\]", "", names)


def latex(
    head: Cells,
    body: Sequence[Cells],
    notes: Sequence[str] = (),
    *,
    caption: str = "",
    label: str = LABEL,
) -> str:
    r"""Return a LaTeX table for `\input`, with its notes below.

    It needs the packages that its first line names.

    caption: its caption; without one it has no label either. label: what a text refers to it by.
    """
    top, *rows = (
        f"{' & '.join(_latex_text(cell) for cell in line)} \\\\" for line in (head, *body)
    )
    named = [rf"\caption{{{_latex_text(caption)}}}", rf"\label{{{label}}}"] if caption else []
    return "\n".join(
        [
            rf"% \usepackage{{{PACKAGES}}}",
            r"\begin{table}",
            r"\centering\small",
            *named,
            # A table that is too wide for the page is made smaller.
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{l{'c' * (len(head) - 1)}}}",
            r"\toprule",
            top,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}}",
            *(rf"\par {_latex_text(note)}" for note in notes),
            r"\end{table}",
            "",
        ]
    )


def document(fragment: str) -> str:
    """Return a whole LaTeX document with what `latex` has returned."""
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[utf8]{inputenc}",
            rf"\usepackage{{{PACKAGES}}}",
            r"\usepackage[margin=15mm]{geometry}",
            r"\begin{document}",
            f"{fragment}\\end{{document}}",
            "",
        ]
    )


def markdown_text(text: str) -> str:
    """Return a text in one line, whose bars end no cell of a table."""
    return re.sub(r"\s+", " ", text).replace("|", r"\|")


_GREEK = {
    **{"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta"},
    **{"η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu"},
    **{"ξ": "xi", "π": "pi", "ρ": "rho", "ς": "varsigma", "σ": "sigma", "τ": "tau"},
    **{"υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega"},
    **{"Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi"},
    **{"Σ": "Sigma", "Υ": "Upsilon", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega"},
}
"""The Greek letters that LaTeX has commands for: the others look like Latin ones."""

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        **{char: f"\\{char}" for char in "&%$#_"},
        **{letter: rf"$\{name}$" for letter, name in _GREEK.items()},
        **{"₁": "$_1$", "₂": "$_2$", "±": r"$\pm$", "−": "$-$"},
        **{"ᵀ": r"$^\top$", "∂": r"$\partial$", "²": "$^2$", "³": "$^3$", "⁴": "$^4$"},
        **{"‖": r"$\Vert$", "√": r"$\surd$", "×": r"$\times$", "°": r"$^\circ$"},
    }
)


def _latex_text(text: str) -> str:
    scientific = re.sub(r"×10\^(\{-?\d+\})", r"$\\times10^\1$", text)
    parts = re.split(r"(\$[^$]*\$)", re.sub(r"\s+", " ", scientific))
    return "".join(part if at % 2 else part.translate(_LATEX) for at, part in enumerate(parts))
