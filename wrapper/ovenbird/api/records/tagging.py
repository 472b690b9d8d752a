"""Name, tag and annotate a recorded run, also while it is running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...common.text import show_value
from ...errors import InputError
from ...platform.entities.run_summary import Summary, format_tags, summarize
from ...platform.keys import EntityKey
from ...platform.store import EntityStore


@dataclass(frozen=True)
class TagChange:
    """What to change: tags to add or replace, keys to remove, a name and a note. None leaves it; empty removes it."""

    add: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    name: str | None = None
    note: str | None = None


def parse_tags(texts: Sequence[str]) -> dict[str, str]:
    """Return tags from `KEY=VALUE` and words. Errors: InputError for one without a key."""
    tags = format_tags({"labels": list(texts)})
    if "" in tags:
        raise InputError(f"a tag without a key: {', '.join(map(show_value, texts))}", hint="KEY=VALUE, or a word")
    return tags


def tag_run(store: EntityStore, key: EntityKey, change: TagChange) -> Summary:
    """Change name, tags and note of a run and return its summary. Errors: InputError for a tag that is not there."""

    def edit_metadata(metadata: dict[str, Any]) -> None:
        tags = {**format_tags(metadata), **change.add}
        if missing := [name for name in change.remove if name not in tags]:
            hint = f"it has: {', '.join(tags)}" if tags else "it has no tags"
            raise InputError(f"the run has no tag {', '.join(map(show_value, missing))}", hint=hint)
        tags = {name: value for name, value in tags.items() if name not in change.remove}
        metadata["labels"] = [f"{name}={value}" if value else name for name, value in tags.items()]
        if change.note is not None:
            metadata["description"] = change.note
        if change.name is not None:
            metadata["name"] = change.name or key.id

    return summarize(store.annotate(key, edit_metadata))
