"""How many faults of each kind are wanted on each store."""

from campaign.kinds import KINDS
from campaign.stores import STORES

EACH = 30
"""Faults of each kind on each store where the kind exists."""

TARGETS: dict[tuple[str, str], int] = {
    (kind.name, store): EACH for kind in KINDS.values() for store in STORES if store in kind.stores
}
"""Wanted faults by kind and store."""
