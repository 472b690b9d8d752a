"""Hide secrets: credentials in URLs, and the values of parameters with a secret's name.

Two forms of one rule, by what the result is for.

`redact_url` is for what is read: messages, logs, provenance, labels. It hides every value of the query, whatever its
name: nobody follows a URL in a message, and no list can hold the names that the next storage service signs with.

`redact_record` is for records, which must lead to the file again: `?version=3` stays. It hides the values whose names
are those of known signatures and tokens, and values that have the form of a token. Where a server wants credentials
for such a URL later, they come from the environment or from `.netrc`, as for a URL that never held any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

HIDDEN = "***"
_NAMES = r"(?i)token|key|passw|passphrase|pwd|secret|credential|signature|authorization"
# Patterns are text: `re` compiles one at its first use, and a start uses none.
# variables whose names hold a word of these, and whose values are no secret: `TOKENIZERS_PARALLELISM=false`
_PLACES = r"(?i)_(file|path|dir|endpoint|url|uri)$"
_SWITCHES = r"(?i)|true|false|yes|no|on|off|[0-9]{1,6}"
# Names in a query. AWS and its like: X-Amz-*, AWSAccessKeyId; Google: X-Goog-*, GoogleAccessId, key.
_QUERY_NAMES = (
    r"(?i)x-(amz|goog|oss|cos|obs|ms)-.*|googleaccessid|key-pair-id|key|sig|sign|hmac|auth|jwt|session|hdnts|hdnea"
    r"|.*(token|passw|pwd|secret|credential|signature|authorization|(access|api|private|account|subscription)[-_]?key).*"
)
# What belongs to the `sig` of Azure's shared access signatures. Elsewhere `sp` and `se` are as good as any name.
_OF_SIG = r"(?i)s[vretspi]|sip|spr|srt|sdd|scid|ske|sks|skt|skv|skoid|sktid|saoid|suoid"
# JSON web tokens; tokens of GitHub, GitLab, Slack, npm, PyPI, Hugging Face, OpenAI, and access keys of AWS
_VALUES = (
    r"eyJ[\w-]{8,}\..*|(gh[pousr]_|github_pat_|glpat-|xox[abprs]-|npm_|pypi-|hf_|sk-)[\w-]{8,}|A[KS]IA[0-9A-Z]{12,}"
)
_URL = r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>`]+"
_AUTHORITY = r"(\[[0-9A-Fa-f:.%]*\]|[^:\[\]@]*)(:[0-9]*)?"
# what follows `docker://`: an image's name, tag and digest, which only look like a host with a port and a user; an
# error of buildah's may go on with a colon
_IMAGE = r"[a-z0-9._-]+(:[0-9]+)?(/[a-z0-9._-]+)*(:[\w.-]{1,128})?(@sha(256|512):[0-9a-f]{32,128})?[:;,.)]*"
_PLAIN_FRAGMENT = r"[^=@?]*|([^=@?]*&)?subdirectory=[^=@?]*|(egg|sha(1|256|512)|md5)=[\w.-]*"
_SECRET_KEYS = ("parameters", "init_parameters", "inputs", "env", "envs", "environment")


def redact_url(url: str) -> str:
    """Return a URL for people and for what is published: without user, password and the values of its query.

    A text that is not a URL comes back as it is. `git@` before the host of an ssh URL stays: it is not a secret.
    """
    return _redact(url, keep_harmless=False)


def redact_source(text: str) -> str:
    """Return the URL of a source as `redact_url`: one of `docker://` is no image there, and may hold a password."""
    return f"docker://{HIDDEN}" if text.startswith("docker://") else redact_url(text)


def redact_record(url: str) -> str:
    """Return a URL for a record: without user and password, and without the values of its query that are secret."""
    return _redact(url, keep_harmless=True)


def redact_text(text: str, *, keep_harmless: bool = False) -> str:
    """Return a text in which every URL is redacted, as for people, or with `keep_harmless` as for a record."""
    if "://" not in text:
        return text
    return re.sub(_URL, lambda match: _redact(match[0], keep_harmless=keep_harmless), text)


def redact_values(value: Any, *, keep_harmless: bool = False) -> Any:
    """Return a JSON value in which every URL of every text is redacted."""
    if isinstance(value, str):
        return redact_text(value, keep_harmless=keep_harmless)
    if isinstance(value, Mapping):
        return {
            redact_text(str(name), keep_harmless=keep_harmless): redact_values(item, keep_harmless=keep_harmless)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact_values(item, keep_harmless=keep_harmless) for item in value]
    return value


def has_password(url: str) -> bool:
    """Return whether a URL has `user:password@`; what cannot be parsed and has an `@` may."""
    _, colon, rest = url.partition("://")
    user, _, host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
    if not colon:
        return False
    return ":" in user if re.fullmatch(_AUTHORITY, host) else "@" in rest


def holds_password(value: Any) -> bool:
    """Return whether a JSON value holds a URL with a password, in a text or a name."""
    if isinstance(value, str):
        texts = [value] if re.fullmatch(r"[^\s/]+://\S+", value) else re.findall(_URL, value)
        return any(map(has_password, texts))
    if isinstance(value, Mapping):
        return any(map(holds_password, (*value, *value.values())))
    return isinstance(value, (list, tuple)) and any(map(holds_password, value))


def make_redactor(secrets: Iterable[str], *, shortest: int = 4) -> Callable[[str], str]:
    """Return a function that replaces each of these secrets in a text by `***`, the longest first.

    What has fewer characters than `shortest` is left alone: it would be found in any text.
    """
    values = sorted({value for value in secrets if len(value) >= shortest}, key=len, reverse=True)

    def redact(text: str) -> str:
        for value in values:
            text = text.replace(value, HIDDEN)
        return text

    return redact


def is_secret_name(name: str) -> bool:
    """Return whether a parameter of this name counts as a secret: it holds `token`, `key`, `password`, `secret`…"""
    return re.search(_NAMES, name) is not None


def is_secret_variable(name: str, value: str) -> bool:
    """Return whether a variable holds a secret, by its name.

    What says where something is (`TOKEN_FILE`, `TOKEN_ENDPOINT`), a switch and a short number are none.
    """
    return is_secret_name(name) and not re.search(_PLACES, name) and not re.fullmatch(_SWITCHES, value)


def mask_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters for people: `***` for the values of secret names, at any depth, and URLs redacted.

    `null`, `true` and `false` are shown: they are not secret, and show whether one is set.
    """
    return {str(name): _mask_value(str(name), value) for name, value in parameters.items()}


def mask_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of an entity for people: its parameters masked, the URLs in it redacted as in a record.

    The record itself keeps the values of parameters: it is what a rerun needs.
    """
    masked: dict[str, Any] = redact_values(record, keep_harmless=True)
    for part in masked.values():
        if isinstance(part, dict):
            for name in _SECRET_KEYS:
                if isinstance(part.get(name), dict):
                    part[name] = mask_parameters(part[name])
                elif isinstance(part.get(name), list):
                    part[name] = mask_variables(part[name])
    return masked


def mask_variables(variables: Iterable[Any]) -> list[Any]:
    """Return variables, each `{name, value}`, as `mask_parameters` does; items of other forms are as they were."""
    return [
        {**item, "value": _mask_value(str(item.get("name")), item["value"])}
        if isinstance(item, Mapping) and "value" in item
        else item
        for item in variables
    ]


def mask_command(words: Sequence[str]) -> list[str]:
    """Return a command for a record: `NAME=VALUE` without the value of a secret name, URLs redacted as in a record.

    Secret names in a value that is JSON are masked too: `--param login={"password": "…"}`.
    """
    return [_mask_word(word) for word in words]


def _mask_word(word: str) -> str:
    start = re.match(r"--[a-z][a-z-]*=", word)
    flag, rest = (start[0], word[start.end() :]) if start else ("", word)
    name, equals, value = rest.partition("=")
    if not equals or not re.fullmatch(r"[\w.-]+", name):  # no name, as in a URL with a query
        name, value = "", rest
    masked = HIDDEN if value and is_secret_name(name) else _mask_json(value)
    return f"{flag}{name}{equals if name else ''}{masked}"


def _mask_json(text: str) -> str:
    if text[:1] in ("{", "["):
        import json

        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return redact_text(text, keep_harmless=True)
        masked = _mask_value("", value)
        return text if masked == value else json.dumps(masked, ensure_ascii=False)
    return redact_text(text, keep_harmless=True)


def _mask_value(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if is_secret_name(name):
        return HIDDEN
    if isinstance(value, Mapping):
        return mask_parameters(value)
    if isinstance(value, (list, tuple)):
        return [_mask_value("", item) for item in value]
    return redact_text(value, keep_harmless=True) if isinstance(value, str) else value


def _redact(url: str, *, keep_harmless: bool) -> str:
    scheme, colon, rest = url.partition("://")
    if not colon or (scheme == "docker" and re.fullmatch(_IMAGE, rest)):
        return url
    rest, hash_, fragment = rest.partition("#")
    rest, question, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not re.fullmatch(_AUTHORITY, host):
        # A password may hold `/`, `?` or `#`, which end a host: what is before the last `@` is then no part of it.
        after = url.partition("://")[2].rpartition("@")[2] if "@" in url else ""
        return f"{scheme}://" + (_redact(f"x://{after}", keep_harmless=keep_harmless)[4:] if after else HIDDEN)
    if at and user == "git" and scheme.endswith("ssh"):
        host = f"git@{host}"
    redacted = f"{scheme}://{host}{slash}{path}"
    if question:
        pairs = query.split("&")
        signed = any(pair.lower().startswith("sig=") for pair in pairs)
        redacted += "?" + "&".join(_redact_pair(pair, keep_harmless, signed) for pair in pairs)
    if hash_ and fragment:
        plain = re.fullmatch(_PLAIN_FRAGMENT, fragment)
        redacted += "#" + (
            fragment if plain else "&".join(_redact_pair(pair, keep_harmless) for pair in fragment.split("&"))
        )
    return redacted


def _redact_pair(pair: str, keep_harmless: bool, signed: bool = False) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        return HIDDEN if pair and (not keep_harmless or re.fullmatch(_VALUES, pair)) else pair
    secret = re.fullmatch(_QUERY_NAMES, name) or re.fullmatch(_VALUES, value)
    if signed and not secret:
        secret = re.fullmatch(_OF_SIG, name)
    return pair if not value or (keep_harmless and not secret) else f"{name}={HIDDEN}"
