"""What the record of a run says for later runs that may reuse it: `status.reuse`.

The field holds `call` (a digest of the function's name and of all arguments but the content of inputs), `inputs`,
`returned` (names of what the handler returned, in order), and `sources`: the digests of modules that the digest of the
function's source does not cover.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..common.redact import redact_record
from . import arguments
from .provenance import digest_text


def digest_call(
    function: str,
    parameters: Mapping[str, Any],
    caller_parameters: Mapping[str, Any],
    init: Mapping[str, Any],
    inputs: Iterable[str],
) -> str:
    """Return the digest of what a function is called with, but for the content of its inputs.

    `parameters` are the effective ones, as they are recorded; `given` holds those of the caller, as a long list is cut
    in a record.
    """
    plain = {name: arguments.parse_plain(value) for name, value in caller_parameters.items()}
    all_parameters = {**parameters, **{name: value for name, value in plain.items() if isinstance(value, (list, dict))}}
    call = [function, sorted(all_parameters.items()), sorted(init.items()), sorted(inputs)]
    return digest_text(repr(call))  # plain values; NaN and null differ, unlike in JSON


def describe_input(entity: Any, *, is_read: bool) -> dict[str, Any]:
    """Return key, path and digest of an input; the digest is None where its content is not known.

    `is_read`: it was read by this run already. Else what a URL holds now is not known.
    """
    status, path = entity.status, str(entity.spec.get("path") or "")
    text = None
    if files := status.get("files"):
        if all(item.get("hash") for item in files):
            text = repr(sorted((str(item.get("path")), item.get("size"), item["hash"]) for item in files))
    elif (fingerprint := status.get("fingerprint")) and (is_read or "://" not in path):
        text = fingerprint.get("hash") and repr((fingerprint.get("size"), fingerprint["hash"]))
    return {"key": entity.key, "path": redact_record(path), "digest": text and digest_text(text)}
