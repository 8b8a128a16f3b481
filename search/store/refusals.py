"""PyMongo's errors as errors of ours: what is wrong with the store, and what to do about it."""

import re

from pymongo import errors

from alignment_core.errors import AlignSearchError, ConfigurationError
from alignsearch.search.documents.errors import (
    StoreFailedError,
    StoreRefusedError,
    StoreUnavailableError,
)
from alignsearch.search.store.address import mask

_INTERNAL_ERROR = 1
_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18


def translated(error: errors.PyMongoError, uri: str) -> AlignSearchError:
    """Return our error for a command's error; `uri` is shown, so its password is hidden."""
    if not isinstance(error, errors.OperationFailure):
        return StoreUnavailableError(f"the store {uri} doesn't answer ({_unreached(error, uri)}")
    # PyMongo appends the server's whole answer, which says no more.
    words = str(error).partition(", full error")[0]
    if error.code == _AUTHENTICATION_FAILED:
        return StoreRefusedError(
            f"the store {uri} refuses this user: check the user name, the password, and that "
            "?authSource= names the database that keeps the user"
        )
    if error.code == _UNAUTHORIZED and "@" not in uri:
        return StoreRefusedError(
            f"the store {uri} wants a user: mongodb://USER:PASSWORD@…, better kept in a file that "
            "file:/PATH names"
        )
    if error.code == _UNAUTHORIZED:
        # MongoDB quotes the whole command after this.
        words = words.partition(" { ")[0]
        return StoreRefusedError(
            f"the store {uri} doesn't allow this user to do that ({words}): `alignsearch store "
            "roles` says which rights drivers, workers, people and dashboards need"
        )
    if error.code == _INTERNAL_ERROR:
        return StoreFailedError(
            f"the store {uri} failed ({words}): if its disk is full, it goes on once there is "
            "room; else its data may be damaged, and the server's log says more"
        )
    return StoreUnavailableError(f"the store {uri} refused a command: {words}")


def not_stored(error: Exception) -> ConfigurationError:
    """Return the error for a value that no store can hold: odd text, a huge number or document."""
    words = str(error).splitlines()[0]
    if isinstance(error, UnicodeEncodeError):
        words = f"{error.object!r} has a character that is no valid Unicode"
    elif isinstance(error, OverflowError):
        words = "a number has more than 64 bits"
    return ConfigurationError(f"that can't be stored, or looked for, in a store: {words}")


def no_uri(uri: str, why: Exception | str) -> ConfigurationError:
    """Return the error for a text that is no MongoDB URI."""
    # PyMongo's own words can quote a password whose characters weren't escaped.
    why = "it can't be parsed" if isinstance(why, Exception) and "@" in uri else why
    return ConfigurationError(
        f"{mask(uri)!r} is no MongoDB URI ({why}); it should look like "
        "mongodb://user:password@host:27017/alignsearch, with reserved characters of the user "
        "name and the password percent-encoded"
    )


def no_tls_file(uri: str, error: OSError) -> ConfigurationError:
    """Return the error for a certificate's file that is missing or can't be read."""
    return ConfigurationError(
        f"{mask(uri)!r} names a certificate's file that can't be used ({error}): ?tlsCAFile= and "
        "?tlsCertificateKeyFile= take PEM files of this host"
    )


def _unreached(error: errors.PyMongoError, uri: str) -> str:
    """Return why there is no connection, a closing parenthesis, and what to do."""
    # PyMongo appends its timeouts and its view of the servers.
    words = re.split(r" \(configured timeouts|, Timeout: |, Topology Description", str(error))[0]
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return (
            f"{words}): its certificate must be for the URI's host, and signed by an authority "
            "that this machine trusts or ?tlsCAFile= names"
        )
    if "SSL" in words:
        return f"{words}): both sides must want TLS or neither; ?tls=false asks for none"
    if re.search(r"reset by peer|connection closed", words) and "tls=true" not in uri:
        return f"{words}): if it wants TLS, add ?tls=true to the URI"
    return f"{words}): check that it runs and that this machine reaches it"
