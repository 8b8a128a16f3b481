"""The store of searches and trials in MongoDB, and the embedded server."""
