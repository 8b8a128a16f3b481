"""The four search spaces of App. B.1 and the columns of Table 5."""
