"""The dashboard: web server, HTTP API and its client, live mirror of the store, charts."""
