"""Documents that the store holds, as frozen models without any input or output."""

from alignsearch.search.documents.attempt import (
    COUNTED_OUTCOMES,
    Attempt,
    AttemptOutcome,
)
from alignsearch.search.documents.base import (
    NAME_FORM,
    NAME_RULE,
    UNSET_TIME,
    Document,
    first_problem,
)
from alignsearch.search.documents.constraint import Constraint
from alignsearch.search.documents.definition import (
    StoredDefinition,
    StoredMetric,
    StoredObjective,
    StoredRow,
    StoredSource,
)
from alignsearch.search.documents.epoch import (
    Epoch,
    LayerRecord,
    WeightSample,
)
from alignsearch.search.documents.event import (
    AttemptLog,
    Event,
    LogLine,
)
from alignsearch.search.documents.given_point import GivenPoint, PointKind, token_of
from alignsearch.search.documents.judged import judged
from alignsearch.search.documents.lease import AttemptLease, Lease
from alignsearch.search.documents.observation import (
    OBSERVED_STATES,
    Observation,
    Pending,
    Point,
    losses_of,
    observation_of,
    pending_of,
)
from alignsearch.search.documents.prior import Prior
from alignsearch.search.documents.recipe import (
    REHEARSAL,
    Recipe,
    RecipeChoices,
    WeightSampling,
)
from alignsearch.search.documents.search import (
    DEFAULT_PENDING,
    Confirmation,
    PendingPolicy,
    Pruning,
    Search,
    WarmStart,
    is_driven,
)
from alignsearch.search.documents.searched import (
    broken_by,
    is_asked,
    is_list_of_runs,
    is_of_fmin,
    known_space_of,
    label_of,
    lives_in_session,
    measured,
    metric_of,
    metrics_of,
    reported_names_of,
    space_of,
    values_of,
)
from alignsearch.search.documents.trial import (
    Origin,
    Progress,
    Result,
    Trial,
    TrialTime,
)

__all__ = [
    "COUNTED_OUTCOMES",
    "DEFAULT_PENDING",
    "NAME_FORM",
    "NAME_RULE",
    "OBSERVED_STATES",
    "REHEARSAL",
    "UNSET_TIME",
    "Attempt",
    "AttemptLease",
    "AttemptLog",
    "AttemptOutcome",
    "Confirmation",
    "Constraint",
    "Document",
    "Epoch",
    "Event",
    "GivenPoint",
    "LayerRecord",
    "Lease",
    "LogLine",
    "Observation",
    "Origin",
    "Pending",
    "PendingPolicy",
    "Point",
    "PointKind",
    "Prior",
    "Progress",
    "Pruning",
    "Recipe",
    "RecipeChoices",
    "Result",
    "Search",
    "StoredDefinition",
    "StoredMetric",
    "StoredObjective",
    "StoredRow",
    "StoredSource",
    "Trial",
    "TrialTime",
    "WarmStart",
    "WeightSample",
    "WeightSampling",
    "broken_by",
    "first_problem",
    "is_asked",
    "is_driven",
    "is_list_of_runs",
    "is_of_fmin",
    "judged",
    "known_space_of",
    "label_of",
    "lives_in_session",
    "losses_of",
    "measured",
    "metric_of",
    "metrics_of",
    "observation_of",
    "pending_of",
    "reported_names_of",
    "space_of",
    "token_of",
    "values_of",
]
