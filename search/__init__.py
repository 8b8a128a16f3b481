"""The search service: documents, samplers, pruners, store, driver, reports and use cases."""
