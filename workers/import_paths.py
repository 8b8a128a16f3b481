"""Import paths: names of the form MODULE:NAME, imported when they are first needed."""

import importlib
from typing import Any


def load(path: str) -> Any:
    """Import the module of MODULE:NAME and return its attribute NAME.

    Tables name their variants by such paths, because some modules take seconds to import.
    """
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
