"""The search service: store, TPE, driver, command line, export."""
