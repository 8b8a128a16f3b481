"""The driver of a search: suggests, places trials and takes in their results."""
