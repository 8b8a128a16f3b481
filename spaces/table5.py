"""Table 5 of Kunin et al. 2020: its rows, its number formats and its four columns."""

from alignsearch.spaces.configuration import Configuration
from alignsearch.spaces.definition import Row, Table
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.space import SearchSpace

# Table 5's caption says "rounded up to 4 decimal places", which may mean upwards or to nearest, and
# the table doesn't tell. We round to nearest.
ROUNDING_NOTE = "Continuous values are rounded to 4 decimal places."


# |B| is written with lvert and rvert, because a bar ends a Markdown cell.
ROWS: tuple[Row, ...] = (
    Row("Alternating Minimization", "alternating_minimization"),
    Row("Delay Epochs (de)", "delay_epochs"),
    Row(r"Train Batch Size ($\lvert\mathcal{B}\rvert$)", "train_batch_size"),
    Row("SGDM Learning Rate", "sgdm_learning_rate"),
    Row("Alignment Optimizer", "alignment_optimizer"),
    Row("Alignment Learning Rate (η)", "alignment_learning_rate"),
    Row("σ", "sigma"),
    Row("α/β", "alpha_over_beta"),
    Row("β", "beta"),
    Row("γ", "gamma"),
    Row("Forward Path Output (FO) Bias", "fo_bias"),
    Row("FO ReLU", "fo_relu"),
    Row("FO BWMC", "fo_bwmc"),
    Row("FO FWMC", "fo_fwmc"),
    Row("FO FWL2N", "fo_fwl2n"),
    Row("Backward Path Output (BO) Bias", "bo_bias"),
    Row("BO ReLU", "bo_relu"),
    Row("BO FWMC", "bo_fwmc"),
    Row("BO FWL2N", "bo_fwl2n"),
    Row("Backward Path Input (BI) BWMC", "bi_bwmc"),
    Row("BI FWMC", "bi_fwmc"),
    Row("BI FWL2N", "bi_fwl2n"),
)

TABLE = Table("Table 5 of Kunin et al. 2020", ROWS, ROUNDING_NOTE)
"""Table 5 as the table of a definition."""

LABELS = {row.field: row.name.replace(r" ($\lvert\mathcal{B}\rvert$)", " |B|") for row in ROWS}
"""Names of Table 5's rows in plain text, by metaparameter."""

# Sampled continuous values are rounded as in the publication; the search's exact ones are unknown.
PUBLISHED: dict[str, Configuration] = {
    "wm": Configuration(
        alternating_minimization=True,
        delay_epochs=2,
        train_batch_size=2048,
        sgdm_learning_rate=1.0,
        alignment_optimizer="Vanilla GD",
        alignment_learning_rate=1.0,
        sigma=0.6905,
        alpha_over_beta=15.6607,
        beta=0.0283,
        gamma=None,
        fo_bias=True,
        fo_relu=True,
        fo_bwmc=True,
        fo_fwmc=False,
        fo_fwl2n=False,
        bo_bias=False,
        bo_relu=False,
        bo_fwmc=False,
        bo_fwl2n=False,
        bi_bwmc=True,
        bi_fwmc=False,
        bi_fwl2n=False,
    ),
    "wm_ad": Configuration(
        alternating_minimization=True,
        delay_epochs=0,
        train_batch_size=256,
        sgdm_learning_rate=0.125,
        alignment_optimizer="Adam",
        alignment_learning_rate=0.0053,
        sigma=0.95,
        alpha_over_beta=13.904,
        beta=2.8109e-8,
        gamma=None,
        fo_bias=True,
        fo_relu=True,
        fo_bwmc=True,
        fo_fwmc=False,
        fo_fwl2n=False,
        bo_bias=False,
        bo_relu=False,
        bo_fwmc=False,
        bo_fwl2n=False,
        bi_bwmc=True,
        bi_fwmc=False,
        bi_fwl2n=False,
    ),
    "wm_ad_ops": Configuration(
        alternating_minimization=True,
        delay_epochs=0,
        train_batch_size=256,
        sgdm_learning_rate=0.125,
        alignment_optimizer="Adam",
        alignment_learning_rate=0.0025,
        sigma=0.6402,
        alpha_over_beta=0.1344,
        beta=232.7856,
        gamma=None,
        fo_bias=True,
        fo_relu=True,
        fo_bwmc=True,
        fo_fwmc=True,
        fo_fwl2n=False,
        bo_bias=False,
        bo_relu=True,
        bo_fwmc=False,
        bo_fwl2n=True,
        bi_bwmc=True,
        bi_fwmc=False,
        bi_fwl2n=False,
    ),
    "ia": Configuration(
        alternating_minimization=True,
        delay_epochs=1,
        train_batch_size=256,
        sgdm_learning_rate=0.125,
        alignment_optimizer="Adam",
        alignment_learning_rate=0.0098,
        sigma=0.8176,
        alpha_over_beta=129.1123,
        beta=7.999,
        gamma=3.161e-6,
        fo_bias=True,
        fo_relu=True,
        fo_bwmc=True,
        fo_fwmc=True,
        fo_fwl2n=False,
        bo_bias=True,
        bo_relu=False,
        bo_fwmc=True,
        bo_fwl2n=True,
        bi_bwmc=False,
        bi_fwmc=False,
        bi_fwl2n=False,
    ),
}


def format_cell(row: Row, configuration: Configuration, space: SearchSpace) -> str:
    """Return the text of one cell, in the formats of Table 5.

    Booleans and options are printed as they are, None as N/A, fixed and derived numbers in full
    (2048, 1.0, 0.125), and sampled continuous numbers by `format_sampled`.
    """
    value: Value = getattr(configuration, row.field)
    if value is None:
        return "N/A"
    if isinstance(value, float) and row.field in space.sampled_names:
        return format_sampled(value)
    return str(value)


def format_sampled(value: float) -> str:
    """Return a sampled continuous value with four decimals: 0.9500, or 2.8109×10^{-8}.

    Table 5 prints 0.0025 and 232.7856 plainly and 3.1610×10^{-6} in scientific notation, and
    doesn't say where the notation changes. We use scientific notation below 0.001, where four
    decimals would keep fewer than two significant digits, and from 10,000 on.
    """
    if 1e-3 <= value < 1e4:
        return f"{value:.4f}"
    mantissa, exponent = f"{value:.4e}".split("e")
    return f"{mantissa}×10^{{{int(exponent)}}}"
