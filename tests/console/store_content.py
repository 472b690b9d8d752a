"""Stores for tests of the page: files of all sorts, good and hostile, and a long lineage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ovenbird.platform.entities.entity import new_record
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project

SCRIPT = "document.documentElement.dataset.ran = 'yes'; fetch('/runs')"
MARKUP = "<img src=x onerror=\"document.documentElement.dataset.ran='yes'\">"


def fill_store(folder: Path) -> None:
    """Store data items, artifacts and a model in the embedded store of a folder."""
    store = LocalStore(folder / ".ovenbird")
    project = Project(store, "p", {})
    try:
        _log_files(project, folder)
        _log_tables(project, folder)
        model = project.log_model(
            "city-prices", kind="sklearn", data=b"\x80\x04\x95\0\0\0\0pickle", framework="sklearn", algorithm="forest",
            parameters={"depth": 3, "api_token": "hunter2"},
        )  # fmt: skip
        model.log_metrics({"rmse": 0.25, "loss": [1.0, float("nan"), 0.5]})
    finally:
        store.close()


def _log_files(project: Project, folder: Path) -> None:
    from PIL import Image

    Image.effect_noise((300, 200), 50).save(folder / "noise.png")
    texts = {
        "page.html": f"<script>{SCRIPT}</script><b>bold</b>", "notes.md": f"# Findings\n\n{MARKUP}\n",
        "drawing.svg": f"<svg xmlns='http://www.w3.org/2000/svg'><script>{SCRIPT}</script></svg>",
        "config.json": json.dumps({"<b>name</b>": MARKUP, "nan": float("nan"), "list": [1, 2]}),
        "work.ipynb": json.dumps({"cells": [
            {"cell_type": "code", "source": MARKUP, "outputs": [{"data": {"text/html": f"<script>{SCRIPT}</script>"}}]}
        ]}),
    }  # fmt: skip
    for name, text in texts.items():
        (folder / name).write_text(text)
    for name in (*texts, "noise.png"):
        project.log_artifact(name.partition(".")[0], kind="artifact", source=str(folder / name))
    (folder / "bundle").mkdir()
    for name in ("page.html", "config.json"):
        (folder / "bundle" / f"a {name}").write_text(texts[name])
    project.log_artifact("bundle", kind="artifact", source=str(folder / "bundle"), description=MARKUP)
    project.new_artifact("gone", kind="artifact", path=str(folder / "nothing-here.bin"))


def _log_tables(project: Project, folder: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    wide = pyarrow.table({f"column {number}": [number, None, 3] for number in range(2000)} | {MARKUP: [MARKUP] * 3})
    pyarrow.parquet.write_table(wide, folder / "wide.parquet")
    (folder / "broken.parquet").write_bytes((folder / "wide.parquet").read_bytes()[:1000] + b"PAR1")
    (folder / "cities.csv").write_text("city,n\nRome,1\nOslo,\n")
    for name in ("wide.parquet", "broken.parquet", "cities.csv"):
        project.log_dataitem(name.partition(".")[0], kind="dataitem", source=str(folder / name))


def add_record(store: LocalStore, entity_type: str, name: str, *links: tuple[str, str], **status: Any) -> str:
    """Store an entity with relations, and return its key."""
    kind = {"run": "python+job:run", "function": "python"}.get(entity_type, entity_type)
    record = new_record("p", entity_type, kind, name)
    record["metadata"]["relationships"] = [{"type": relation, "dest": dest} for relation, dest in links]
    record["status"] |= {"state": "COMPLETED" if entity_type == "run" else "READY", **status}
    store.create(record)
    return str(record["key"])


def fill_lineage(folder: Path, runs: int = 66) -> str:
    """Store a chain of runs with two outputs each, and return the key of the last one."""
    store = LocalStore(folder / ".ovenbird")
    function = add_record(store, "function", "x" * 180)
    outputs = [add_record(store, "dataitem", "source")]
    for number in range(runs):
        links = [("consumes", key) for key in outputs[-3:]]
        state = "ERROR" if number % 9 == 0 else "COMPLETED"
        run = add_record(store, "run", "run", ("run_of", function), *links, state=state)
        for kind in ("artifact", "model"):
            outputs.append(add_record(store, kind, f"{kind}-{number}", ("produced_by", run)))
    store.close()
    return outputs[-1]
