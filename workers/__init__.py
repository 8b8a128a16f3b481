"""The Ray side of a trial: placement, the worker actor, its training.

Ray reads its environment when it is imported, so what it has to find there is set here.
"""

import os

# It must report to nobody, and a worker that asks for no GPU must not hide its host's.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
