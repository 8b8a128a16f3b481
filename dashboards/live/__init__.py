"""The mirror of the store: searches and trials in memory, updated by polling."""
