"""The web server: pages, the JSON API and who may use it."""
