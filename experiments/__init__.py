"""The experiments of Kunin et al. 2020, above all its appendix: runs, statistics, reports."""
