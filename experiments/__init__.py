"""The experiments of the paper's appendix: their runs, statistics and reports."""
