"""Workers: dispatchers over Ray and threads, attempts at trials, objectives, checks of hosts.

Ray reads environment variables when it is imported, so this package sets them before that.
"""

import os

# Ray must send no usage statistics. A worker that asks for no GPU must still see its host's.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
