"""The function document that goes into an image: completed, with its source where the image has it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ovenbird.common.redact import redact_values
from ovenbird.function_document import FunctionSpec

from ..host.canonical_json import encode_json_indented

HOME = "/opt/ovenbird"
DOCUMENT, LOCK = f"{HOME}/function.yaml", f"{HOME}/function.lock"
SOURCE = "/shared"
# what a build changes, or what has its own place in the image: kept, each build would change the next one's digest
_LEFT_OUT = ("image", "instructions", "base_image")
# of the source: where it lay before it was packed, and what of it was
NOT_IN_IMAGE = ("base64", "code", "root", "include", "exclude")


def make_document(function: FunctionSpec, python: str, made_of: Mapping[str, Any]) -> bytes:
    """Return the document as the image holds it: JSON, which is YAML too and the same whatever writes it.

    `made_of` is what is known of source, lock and base, and becomes the field `build`.
    """
    raw = copy.deepcopy(function.raw)
    spec = {key: value for key, value in (raw.get("spec") or {}).items() if key not in _LEFT_OUT}
    source = {key: value for key, value in (spec.get("source") or {}).items() if key not in NOT_IN_IMAGE}
    source |= {"source": SOURCE, "handler": format_handler(function)}
    fields: dict[str, Any] = {"name": function.name, "kind": "python"}
    fields |= {"project": function.project} if function.project else {}
    fields["spec"] = spec | {
        "python_version": python,
        "source": source,
        "requirements": redact_values(function.requirements),
    }
    fields["build"] = redact_values(made_of)
    return encode_json_indented(fields, 2)


def format_handler(function: FunctionSpec) -> str:
    """Return `module:attribute`, where the document may name the attribute alone."""
    return function.handler if ":" in function.handler else f"{function.default_module}:{function.handler}"
