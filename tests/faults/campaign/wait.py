"""Drive one search until it ends, as `alignsearch submit --wait` does after its submission.

python wait.py STORE SEARCH RAY
"""

import sys

from alignsearch.cli.waiting import wait_for
from alignsearch.search.store import Store

if __name__ == "__main__":
    uri, name, ray = sys.argv[1:]
    with Store.connect(uri) as store:
        wait_for(store, uri, name, ray, lambda: None, as_json=False)
