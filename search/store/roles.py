"""Roles of least privilege: the rights of each part of the program on each collection.

A right is one of MongoDB's privilege actions on one collection. A test derives the same table from
the commands that each part's code sends.
"""

import secrets
from collections.abc import Mapping, Sequence

from alignsearch.search.store import capabilities
from alignsearch.search.store.address import with_user
from alignsearch.search.store.connection import INDEXES, Record, StoreConnection
from alignsearch.search.store.places import Places

Rights = Mapping[str, Sequence[str]]
"""Privilege actions by collection."""

READ = ("find",)
FOLLOW = (*READ, "changeStream")
"""Rights of parts that wait for changes. Without the second one they poll, as on other servers."""
COLLECTIONS = (*INDEXES, "counters", "logs", "meta", "points", "services")
# Points that a person has given to a search are shown as its trials.
_READING: Rights = dict.fromkeys((name for name in COLLECTIONS if name != "points"), READ)

ROLES: Mapping[str, Rights] = {
    # `alignsearch serve`.
    "driver": {
        "meta": READ,
        "searches": (*FOLLOW, "update"),
        "trials": ("find", "insert", "update"),
        "counters": ("find", "update"),
        # A number that has epochs is no new trial's, although the trial's document is lost.
        "epochs": READ,
        "points": READ,
        "events": ("insert",),
        "services": ("find", "insert", "update"),
    },
    # The processes that train.
    "worker": {
        "meta": READ,
        "searches": READ,
        "trials": ("find", "update"),
        "epochs": ("insert",),
        "events": ("insert",),
        "logs": ("insert", "update"),
    },
    # People who submit, follow and steer; a dashboard that steers.
    "submitter": {
        **_READING,
        "searches": (*FOLLOW, "insert", "update"),
        "trials": (*FOLLOW, "insert", "update"),
        "counters": ("find", "insert", "update"),
        "points": ("find", "insert"),
        "events": ("find", "insert"),
    },
    # A dashboard that shows.
    "dashboard": {**_READING, "searches": FOLLOW, "trials": FOLLOW},
    # People who load searches and delete old epochs and logs.
    "operator": {
        **dict.fromkeys(COLLECTIONS, ("find", "insert", "update", "remove")),
        **dict.fromkeys(INDEXES, ("find", "insert", "update", "remove", "createIndex")),
    },
}


def role_name(part: str) -> str:
    """Return the role's name in the database."""
    return f"alignsearch-{part}"


def create_role(part: str, database: str) -> Record:
    """Return the command that creates the part's role."""
    privileges = [
        {"resource": {"db": database, "collection": collection}, "actions": list(actions)}
        for collection, actions in ROLES[part].items()
    ]
    return {"createRole": role_name(part), "privileges": privileges, "roles": []}


def create_user(part: str, database: str, password: object) -> Record:
    """Return the command that creates the part's user; the user has the part's name."""
    roles = [{"role": role_name(part), "db": database}]
    return {"createUser": part, "pwd": password, "roles": roles}


def apply_roles(uri: str, timeout: float = 5.0) -> None:
    """Create the roles, or update their rights, with an administrator's URI.

    A store without an id gets one, and its server is tried out, neither of which a role may do.

    Raises:
        StoreRefusedError: the URI's user may not do that.
    """
    # Opening a new store creates its schema, which only the operator's role could do later.
    with StoreConnection.open(uri, timeout) as connection:
        Places(connection).settle()
        capabilities.lacking(connection)
        for part in ROLES:
            command = create_role(part, connection.database)
            known = connection.command({"rolesInfo": command["createRole"]})["roles"]
            connection.command(_renamed(command, "updateRole") if known else command)


def apply_users(uri: str, timeout: float = 5.0) -> dict[str, str]:
    """Create a user for each role, or set a new password; return each part's URI.

    Raises:
        StoreRefusedError: the URI's user may not do that.
    """
    uris = {}
    with StoreConnection.open(uri, timeout) as connection:
        for part in ROLES:
            password = secrets.token_urlsafe(24)
            command = create_user(part, connection.database, password)
            known = connection.command({"usersInfo": part})["users"]
            connection.command(_renamed(command, "updateUser") if known else command)
            uris[part] = with_user(connection.uri, part, password, connection.database)
    return uris


def _renamed(command: Record, name: str) -> Record:
    (_, subject), *rest = command.items()
    return {name: subject, **dict(rest)}
