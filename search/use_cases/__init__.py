"""What command line, dashboard and Python do with a search: submit, steer, summarize."""
