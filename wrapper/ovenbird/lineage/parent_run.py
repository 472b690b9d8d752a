"""The parent of a run in OpenLineage: read from the variables of whoever starts it, and written for what it starts.

`OPENLINEAGE_CONTEXT` is JSON; `OPENLINEAGE_PARENT_ID` and `OPENLINEAGE_ROOT_PARENT_ID` are `NAMESPACE/JOB/RUN`, which
older integrations read.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..common.text import show_value

CONTEXT, PARENT, ROOT = "OPENLINEAGE_CONTEXT", "OPENLINEAGE_PARENT_ID", "OPENLINEAGE_ROOT_PARENT_ID"
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_log = logging.getLogger("ovenbird")


class RunReference(NamedTuple):
    """A run of OpenLineage: the namespace and the name of its job, and its id, a UUID."""

    namespace: str
    job: str
    run: str


class ParentRun(NamedTuple):
    """The run that has started another, and the run at the root of both; None where that is not known."""

    run: RunReference
    root: RunReference | None


def read_parent(environ: Mapping[str, str]) -> ParentRun | None:
    """Return the parent that the variables name, or None. Warn of one that is malformed."""
    if context := environ.get(CONTEXT):
        if parent := _parse_context(context):
            return parent
        _warn(CONTEXT, context)
    if not (text := environ.get(PARENT)):
        return None
    if not (run := _parse_text(text)):
        _warn(PARENT, text)
        return None
    root_text = environ.get(ROOT)
    if not root_text:
        return ParentRun(run, run)
    if not (root := _parse_text(root_text)):
        _warn(ROOT, root_text)
    return ParentRun(run, root)


def make_variables(run: RunReference, parent: ParentRun | None) -> dict[str, str]:
    """Return the variables that name `run` as the parent of whatever it starts."""
    root = (parent and parent.root) or run
    context = {"parent": {**_describe(run), "root": _describe(root)}}
    return {CONTEXT: json.dumps(context), PARENT: "/".join(run), ROOT: "/".join(root)}


def _parse_text(text: str) -> RunReference | None:
    """Return the run of `NAMESPACE/JOB/RUN`; a namespace may hold slashes, as `kubernetes://cluster` does."""
    parts = text.rsplit("/", 2)
    return RunReference(*parts) if len(parts) == 3 and all(parts) and re.fullmatch(_UUID, parts[2]) else None


def _parse_context(text: str) -> ParentRun | None:
    try:
        parent = json.loads(text)["parent"]
        run = _read_reference(parent)
        root = _read_reference(parent["root"]) if parent.get("root") else run
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return ParentRun(run, root)


def _read_reference(document: Any) -> RunReference:
    """Return the run of `{run: {runId}, job: {namespace, name}}`. Errors: KeyError, TypeError, ValueError."""
    reference = RunReference(document["job"]["namespace"], document["job"]["name"], document["run"]["runId"])
    if not all(isinstance(part, str) and part for part in reference) or not re.fullmatch(_UUID, reference.run):
        raise ValueError(reference)
    return reference


def _describe(reference: RunReference) -> dict[str, Any]:
    return {"run": {"runId": reference.run}, "job": {"namespace": reference.namespace, "name": reference.job}}


def _warn(variable: str, text: str) -> None:
    form = "JSON of a parent" if variable == CONTEXT else "NAMESPACE/JOB/RUN, with a UUID as RUN"
    _log.warning("OpenLineage: `%s` names no parent: expected %s, found %s", variable, form, show_value(text, 200))
