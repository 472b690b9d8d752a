"""Names as Kubernetes takes them: of objects, of labels' values, of variables."""

from __future__ import annotations

import re

from ovenbird.common.hashing import hash_text

LONGEST = (
    48  # a CronJob adds 9 characters for its jobs and an index 6 for its pods, and 63 is the end; one rule for all
)
_LABEL = r"[a-z]([-a-z0-9]*[a-z0-9])?"  # RFC 1035, as a Service needs it: no digit first
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_KEY = r"[-._a-zA-Z0-9]+"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"


def make_label(text: str) -> str:
    """Return a DNS label from the name of a function: itself when it is one of at most 48 characters.

    Else it is lowered, each run of other characters becomes a dash, and a dash and 6 hex digits of its SHA-256 follow,
    so that two functions never share a name.
    """
    if is_label(text):
        return text
    word = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not word[:1].isalpha():
        word = f"f-{word}".rstrip("-")
    return f"{word[: LONGEST - 7].rstrip('-')}-{digest(text)}"


def is_label(text: str, longest: int = LONGEST) -> bool:
    """Return whether a text can be the name of any object that we make."""
    return len(text) <= longest and bool(re.fullmatch(_LABEL, text))


def is_namespace(text: str) -> bool:
    """Return whether a text can be the name of a namespace, which may begin with a digit."""
    return len(text) <= 63 and "." not in text and is_subdomain(text)


def is_subdomain(text: str) -> bool:
    """Return whether a text can be the name of something that exists already: a Secret, a claim, an account."""
    return len(text) <= 253 and bool(re.fullmatch(_SUBDOMAIN, text))


def is_variable(text: str) -> bool:
    """Return whether a text can be the name of an environment variable."""
    return bool(re.fullmatch(_VARIABLE, text))


def is_key(text: str) -> bool:
    """Return whether a text can be a key of a Secret or a ConfigMap."""
    return len(text) <= 253 and bool(re.fullmatch(_KEY, text)) and not text.startswith("..") and text != "."


def make_label_value(text: str) -> str:
    """Return a label's value: what is not a letter, a digit, a dot, a dash or an underscore becomes a dash.

    63 at most.
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:63].strip("._-")


def digest(text: str) -> str:
    """Six hex digits that stand for a text."""
    return hash_text(text)[:6]
