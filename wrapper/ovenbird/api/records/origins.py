"""Trace an entity to what it was made of, and check whether that has changed since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...platform.entities.content_check import check_content
from ...platform.lineage import Node, find_changed, trace_lineage
from ...platform.queries import locate_any
from ...platform.store import EntityStore


class Origins(NamedTuple):
    """The tree of origins; `changed` holds its nodes whose content is not as recorded, where that was compared."""

    node: Node
    changed: list[Node]


def trace_origins(
    store: EntityStore, name: str, environ: Mapping[str, str], project: str | None = None, *, verify: bool = False
) -> Origins:
    """Return where an entity comes from. `verify` compares files and URLs with what is recorded. Errors: InputError."""
    key = locate_any(store, name, project)
    check = (lambda record: check_content(store, record, environ)) if verify else None
    node = trace_lineage(store, str(key), check)
    return Origins(node, find_changed(node))
