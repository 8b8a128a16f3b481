"""The web server: pages, the JSON API, and access control."""
