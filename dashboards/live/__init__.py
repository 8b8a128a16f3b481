"""A live copy of the store in memory, from which pages are served."""
