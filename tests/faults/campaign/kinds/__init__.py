"""Kinds of faults, by name."""

from campaign.kinds import clock, drivers, network, room, signals
from campaign.kinds.kind import Kind

KINDS: dict[str, Kind] = {
    row.name: row for family in (signals, network, room, clock, drivers) for row in family.ROWS
}
