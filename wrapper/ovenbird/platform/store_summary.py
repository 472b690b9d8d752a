"""Count what a store holds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .queries import VERBS
from .store import EntityStore


def summarize_store(store: EntityStore, project: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return `location`, `projects` with the versions of each type, `files` and `bytes` of the store's own folder.

    `files` and `bytes` are None unless the store is a folder. Core is asked for one project at a time.
    """
    local = "://" not in store.location()
    is_core = store.location().startswith("http")
    project = project or (environ.get("PROJECT_NAME") if is_core else None)
    counts: dict[str, Counter[str]] = {}
    if not is_core or project:
        for noun, entity_type in VERBS.items():
            for row in store.list_summaries(entity_type, project=project):
                counts.setdefault(row.project, Counter())[noun] += 1
    files, size = _measure_folder(Path(store.location())) if local else (None, None)
    projects = {name: {noun: counts[name][noun] for noun in VERBS} for name in sorted(counts)}
    return {"location": store.location(), "projects": projects, "files": files, "bytes": size}


def _measure_folder(folder: Path) -> tuple[int, int]:
    """Return how many files there are below a folder, and their bytes."""
    count = size = 0
    for folder_path, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(Path(folder_path, name)).st_size
            except OSError:  # removed meanwhile
                continue
            count += 1
    return count, size
