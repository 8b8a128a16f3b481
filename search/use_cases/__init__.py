"""Use cases that command line, HTTP API and Python share: submit, steer, summarize, retain."""
