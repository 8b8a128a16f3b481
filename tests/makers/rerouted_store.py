"""A real store of which a test's subclass overrides some methods of some parts."""

from alignsearch.search.store import Store

PARTS = (
    *("searches", "trials", "attempts", "points", "totals", "logs", "copies"),
    *("renames", "deletions"),
)


class ReroutedStore(Store):
    """A store that calls a subclass's `PART_METHOD` in place of `self.PART.METHOD`.

    `self.real` is the same store without overrides.
    """

    def __init__(self, connection):
        super().__init__(connection)
        self.real = Store(connection)
        for part in PARTS:
            for name in dir(getattr(self, part)):
                override = getattr(self, f"{part}_{name}", None)
                if override is not None:
                    setattr(getattr(self, part), name, override)
