"""The cluster, the folders and the data that a new search finds, as the options name them."""

from functools import partial

from alignsearch.driving import cluster
from alignsearch.search.documents.errors import ClusterError
from alignsearch.search.documents.limits import LARGEST
from alignsearch.search.documents.resources import parse_resources
from alignsearch.search.use_cases.new_search import Surroundings, amounts
from alignsearch.tensorflow_import import check_data
from alignsearch.wiring import OWN_CHECKPOINTS


def surroundings(store: str | None, ray: str | None, *, wait: bool = False) -> Surroundings:
    """Return what a new search finds.

    store: URI of the store; None for this folder's embedded one. ray: address of the cluster; None
    for this machine. wait: whether this process will drive the search.
    """
    # A shared store's search is driven elsewhere, on a cluster that this machine may not reach.
    unknown_cluster = store is not None and ray is None and not wait
    return Surroundings(
        capacity=_trusted if unknown_cluster else partial(placeable, ray),
        check_data=check_data,
        own_checkpoints=None if store else OWN_CHECKPOINTS,
    )


def placeable(ray: str | None, resources: str | None) -> tuple[dict[str, float], int]:
    """Return what a trial takes, and how many such trials the cluster can run at once.

    Raises:
        ClusterError: nothing answers at `ray`, or no host offers what a trial takes.
    """
    from alignsearch.workers.hosts import capacity, default_resources, local_node

    if ray is None:
        hosts = [local_node()]
    else:
        with cluster(ray) as found:
            hosts = found
    per_trial = default_resources(hosts) if resources is None else parse_resources(resources)
    room = capacity(hosts, per_trial)
    if room < 1:
        raise ClusterError(
            f"no host of the cluster offers {amounts(per_trial)}: `alignsearch doctor` "
            "lists what there is"
        )
    return per_trial, room


def _trusted(resources: str | None) -> tuple[dict[str, float], int]:
    """Take the resources as they are asked for; without any, look at this machine's."""
    return placeable(None, None) if resources is None else (parse_resources(resources), LARGEST)
