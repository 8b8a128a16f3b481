"""Tables as Markdown, and as a LaTeX document.

In both, text between two dollar signs in a cell or a note is LaTeX mathematics.
"""

import re
from collections.abc import Sequence

Cells = Sequence[str]


def markdown(head: Cells, body: Sequence[Cells], notes: Sequence[str] = ()) -> str:
    """Return a Markdown table with padded columns; each note is a line below it."""
    lines = [[_markdown_text(cell) for cell in line] for line in (head, *body)]
    widths = [max(3, *map(len, cells)) for cells in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    table = [
        f"| {' | '.join(cell.ljust(at) for cell, at in zip(line, widths, strict=True))} |"
        for line in lines
    ]
    below = [f"{_markdown_text(note)}  " for note in notes]
    return "\n".join([*table, "", *below]).rstrip() + "\n"


def latex(head: Cells, body: Sequence[Cells], notes: Sequence[str] = ()) -> str:
    """Return a whole LaTeX document with one table and its notes below."""
    top, *rows = (
        f"{' & '.join(_latex_text(cell) for cell in line)} \\\\" for line in (head, *body)
    )
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[utf8]{inputenc}",
            r"\usepackage{amsmath,graphicx}",
            r"\usepackage[margin=15mm]{geometry}",
            r"\begin{document}",
            r"\begin{table}",
            r"\centering\small",
            # A table that is too wide for the page is made smaller.
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{l{'c' * (len(head) - 1)}}}",
            r"\hline",
            top,
            r"\hline",
            *rows,
            r"\hline",
            r"\end{tabular}}",
            *(rf"\par {_latex_text(note)}" for note in notes),
            r"\end{table}",
            r"\end{document}",
            "",
        ]
    )


def _markdown_text(text: str) -> str:
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
