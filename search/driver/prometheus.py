"""Prometheus metrics of a process that drives searches.

Gauges of trials and slots are read from the store at each scrape. Counters and histograms count
in this process. A metric of a search has the parts of its identity as labels, so that searches of
one name in several stores are several series.
"""

import logging
from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.divergence import DIVERGED
from alignsearch.search.documents.errors import StoreCorruptedError, StoreUnavailableError
from alignsearch.search.documents.identity import LABELS
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.connection import observe_commands

logger = logging.getLogger(__name__)

SUGGEST_SECONDS = Histogram(
    "alignsearch_suggest_seconds",
    "Time to suggest one trial.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
LEASE_EXPIRIES = Counter(
    "alignsearch_lease_expiries", "Leases of trials that this process found expired.", LABELS
)
STORE_SECONDS = Histogram(
    "alignsearch_store_seconds", "Time of one command of the store.", ["command", "outcome"]
)


def serve_metrics(store_uri: str, host: str, port: int) -> int:
    """Serve metrics at http://`host`:`port`/metrics until the process ends; return the port.

    Commands of stores that were connected before are not timed.

    Args:
        store_uri: MongoDB URI of the store whose searches are counted.
        host: address to listen at.
        port: TCP port; 0 takes any free one.

    Raises:
        ConfigurationError: the address is taken, not this host's, or not allowed.
    """
    try:
        server, _ = start_http_server(port, host)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"metrics can't be served at {host}:{port} ({error}): choose another --metrics-port, "
            "or --metrics-host"
        ) from error
    observe_commands(_note_command)
    REGISTRY.register(_Searches(Store.connect(store_uri)))
    return server.server_port


def _note_command(command: str, seconds: float, succeeded: bool) -> None:
    STORE_SECONDS.labels(command, "ok" if succeeded else "failed").observe(seconds)


class _Searches(Collector):
    """Gauges of the searches that are active, or have ended since this process started."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._since = store.now()
        self._left_out: set[str] = set()

    def describe(self) -> list[Metric]:
        """Return no metric, so that registering the collector doesn't query the store."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the gauges from the store."""
        up = GaugeMetricFamily("alignsearch_store_up", "Whether the store answers.")
        trials = GaugeMetricFamily(
            "alignsearch_trials",
            "Trials of a search by state; those that diverged are not among the completed ones.",
            labels=[*LABELS, "state"],
        )
        slots = GaugeMetricFamily(
            "alignsearch_slots", "Slots that a search may fill.", labels=LABELS
        )
        utilization = GaugeMetricFamily(
            "alignsearch_slot_utilization",
            "Part of a search's slots in which a trial runs.",
            labels=LABELS,
        )
        try:
            for search in self._store.searches.all():
                over = search.status in TERMINAL_SEARCH_STATUSES
                if over and search.updated_at < self._since:
                    continue
                try:
                    counts = self._store.totals.counts(search.name)
                    diverged = self._store.totals.diverged(search.name)
                except StoreCorruptedError as error:
                    self._note_left_out(search.name, error)
                    continue
                labels = list(search.labels.values())
                kinds = {state.value: count for state, count in counts.items()}
                # A trial can have ended between the two counts.
                kinds[TrialState.COMPLETED] = max(0, kinds[TrialState.COMPLETED] - diverged)
                for state, count in {**kinds, DIVERGED: diverged}.items():
                    trials.add_metric([*labels, state], count)
                slots.add_metric(labels, search.parallel)
                utilization.add_metric(labels, counts[TrialState.RUNNING] / search.parallel)
            up.add_metric([], 1)
        except StoreUnavailableError:
            up.add_metric([], 0)
        yield from (up, trials, slots, utilization)

    def _note_left_out(self, name: str, error: StoreCorruptedError) -> None:
        if name not in self._left_out:
            self._left_out.add(name)
            logger.warning("search %s is left out: %s", name, error)
