"""Errors of PostgreSQL: which may pass by themselves, and what people can do about the others."""

from __future__ import annotations

from typing import Any

from ...common.redact import make_redactor
from ...common.text import cut_text
from ...errors import PlatformAuthError, PlatformError, PlatformUnreachableError
from .database_url import DatabaseUrl

_LONGEST = 600  # characters of a message of the server
# states after which the same statement may succeed: connection lost, too many connections, shutting down or starting,
# a standby that is being promoted; conflicts with another transaction
_PASSING_CLASSES = ("08", "57P")
_PASSING = ("53300", "25006", "40001", "40P01", "55P03", "57014")
# libpq gives no state for an attempt to connect, only the server's text
_OF_ACCESS = ("authentication failed", "password", "pg_hba.conf")
_OF_TLS = ("certificate", "does not support ssl")
_FINAL_TEXTS = (*_OF_ACCESS, *_OF_TLS, "does not exist", "permission denied")
_HINTS = {
    "53100": "the disk of the database is full: make room there, or remove old runs with `ovenbird runs rm`",
    "42501": "the user needs the schema `ovenbird`: `CREATE SCHEMA ovenbird AUTHORIZATION user`, by an administrator",
    "25006": "it is a standby: name the primary, or all hosts with `?target_session_attrs=read-write`",
    "53300": "it has no connection left: each run holds one; raise `max_connections`, or use PgBouncer",
}


def is_passing(error: Any) -> bool:
    """Return whether the same work may succeed a little later, on the same or on another connection."""
    state = error.sqlstate
    if state:
        return state in _PASSING or state.startswith(_PASSING_CLASSES)
    text = str(error).lower()
    return type(error).__name__ in ("OperationalError", "ConnectionTimeout", "InterfaceError") and not any(
        word in text for word in _FINAL_TEXTS
    )


def translate_error(error: Any, url: DatabaseUrl) -> PlatformError:
    """Return the error for people: the address, what the server said, and what to do; it never holds the password."""
    redact = make_redactor([url.password], shortest=1)
    reason = cut_text(" ".join(redact(str(error)).split()), _LONGEST)
    text = reason.lower()
    message = f"the database {url.address} cannot be used: {reason}"
    if any(word in text for word in _OF_TLS):
        return PlatformUnreachableError(message, hint=_suggest_certificate(text, url))
    if any(word in text for word in _OF_ACCESS):
        return PlatformAuthError(
            message, hint="check user and password; `OVENBIRD_STORE` holds them, or PGPASSWORD, or ~/.pgpass"
        )
    if error.sqlstate in _HINTS:
        return PlatformError(message, hint=_HINTS[error.sqlstate])
    if error.sqlstate and not is_passing(error):
        return PlatformError(message)
    if "does not exist" in text:
        return PlatformError(message, hint="`createdb NAME` makes a database")
    return PlatformUnreachableError(message, hint="is the server running, and can this machine reach it?")


def _suggest_certificate(text: str, url: DatabaseUrl) -> str:
    if "does not support ssl" in text:
        return "the server takes no TLS: set it up there, or leave `sslmode` out of `OVENBIRD_STORE`"
    if "does not match host name" in text:
        return "the certificate is for another name: `OVENBIRD_STORE` has to hold the name that it says"
    authority = url.root_certificate or "~/.postgresql/root.crt"
    return f"a private authority's certificate belongs into `sslrootcert=FILE` of `OVENBIRD_STORE`; now: {authority}"
