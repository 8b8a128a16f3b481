"""The dashboard's HTTP API as pandas data frames."""

from alignsearch.dashboards.client.client import Client

__all__ = ["Client"]
