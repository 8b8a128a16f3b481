"""Placement of trials as both sides see it: dispatchers, leases' heartbeats, shares of slots."""
