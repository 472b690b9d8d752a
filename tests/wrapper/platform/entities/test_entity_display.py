"""Entities show themselves in a notebook: rows, pictures, texts, curves."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from ovenbird.platform.entities.entity import Entity
from ovenbird.platform.entities.run import Run
from ovenbird.platform.keys import run_key
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project

_PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def project(store: LocalStore) -> Project:
    return Project(store, "p", {})


def show(entity: Entity) -> tuple[str, str]:
    """Return HTML and text."""
    bundle = entity._repr_mimebundle_()
    assert bundle["text/html"] == entity._repr_html_()
    return bundle["text/html"], bundle["text/plain"]


def test_a_run_shows_what_went_in_and_out(store: LocalStore, record_run: Callable[..., str]) -> None:
    """Parameters, results, metrics as curves; also of a run that was removed meanwhile."""
    identity = record_run({"n": 3}, {"rows": 5}, {"loss": [3.0, 2.0, 1.0]}, name="nightly")
    run = Run(store, store.read(run_key("p", identity)), {})
    html, text = show(run)
    assert "<polyline" in html
    assert text.splitlines()[0] == "Run nightly COMPLETED"
    assert {"    n: 3", "    rows: 5"} <= set(text.splitlines())
    assert "loss: 1, 3 values from 1 to 3  █▅▁" in text
    store.remove(run_key("p", identity))
    assert show(run)[1].splitlines()[0] == "Run nightly COMPLETED"


def test_files_show_their_content(project: Project, tmp_path: Path) -> None:
    """The first rows of a table, a picture, the beginning of a text; of other files their size."""
    (tmp_path / "a.csv").write_text("city,n\nTrento,3\n<b>,\n")
    table = project.log_dataitem("cities", "table", source=str(tmp_path / "a.csv"))
    html, text = show(table)
    assert "&lt;b&gt;" in html
    assert "Trento  3" in text
    assert "2 rows x 2 columns" in text
    (tmp_path / "a.png").write_bytes(_PNG)
    html, _ = show(project.log_artifact("plot", "artifact", source=str(tmp_path / "a.png")))
    assert f"data:image/png;base64,{base64.b64encode(_PNG).decode()}" in html
    (tmp_path / "a.md").write_text("# <script>\n" + "long " * 10_000)
    html, _ = show(project.log_artifact("note", "artifact", source=str(tmp_path / "a.md")))
    assert "# &lt;script&gt;" in html
    assert len(html) < 6000
    (tmp_path / "a.bin").write_bytes(bytes(2048))
    html, text = show(project.log_artifact("raw", "artifact", source=str(tmp_path / "a.bin")))
    assert "size 2.0 KiB" in text
