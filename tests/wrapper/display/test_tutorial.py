"""The tutorial notebook, run by a real Jupyter kernel; a real browser looks at what it shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = pytest.mark.slow
TUTORIAL = Path(__file__).parents[3] / "examples" / "notebook" / "tutorial.ipynb"
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The outputs of each code cell by its last line, after all were run in an empty folder."""
    import nbformat
    from nbclient import NotebookClient

    folder = tmp_path_factory.mktemp("tutorial")
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "DHCORE_"))}
    own |= {"IPYTHONDIR": str(folder / "ipython"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "OVENBIRD_HOME": str(folder / "home")}  # fmt: skip
    notebook = nbformat.read(TUTORIAL, as_version=4)
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}})
    client.execute(env=own)
    return {cell.source.splitlines()[-1]: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def read_shown(outputs: list[Any], media_type: str) -> str:
    """Return what a cell shows as its value."""
    return next(str(output.data[media_type]) for output in outputs if output.output_type == "execute_result")


def read_printed(outputs: list[Any]) -> str:
    """Return what a cell has printed."""
    return "".join(output.text for output in outputs if output.output_type == "stream")


def test_outputs_are_not_committed() -> None:
    """The notebook holds what people write, and nothing that a kernel has made."""
    import nbformat

    notebook = nbformat.read(TUTORIAL, as_version=4)
    nbformat.validate(notebook)
    assert [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_the_cells_show_what_the_text_says(cells: dict[str, Any]) -> None:
    """A function with its parameters, its run with log and curve, values, tables, a failure, a map, a call."""
    assert ["depth", "int", "3"] in [line.split() for line in read_shown(cells["fit"], "text/plain").splitlines()]
    assert "50 steps, the last error is 0.107" in read_printed(cells["run"])
    shown = read_shown(cells["run"], "text/plain")
    assert shown.splitlines()[0].endswith("COMPLETED")
    assert "error: 0.106738, 50 values from 0.1067 to 1.005" in shown
    assert read_printed(cells['run.metrics["error"][-1]']).startswith("COMPLETED ")
    assert "50" in read_shown(cells["table.as_df().tail(3)"], "text/plain")
    failed = read_shown(cells["failed"], "text/plain")
    assert failed.splitlines()[0].endswith("ERROR")
    assert "depth: Expected int, got str" in failed
    assert read_shown(cells["runs"], "text/plain").splitlines()[0] == "Runs 4"
    mapped = read_shown(cells['[(run.state, len(run.metrics["error"])) for run in sweep]'], "text/plain")
    assert mapped == "[('COMPLETED', 10), ('COMPLETED', 20), ('COMPLETED', 30)]"
    assert read_shown(cells["answer"], "text/plain") == "{'density': 250.0}"
    assert "param.depth" in read_shown(cells['runs.as_df()[["param.depth", "metric.error"]]'], "text/plain")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(_FLAGS))
        yield browser
        browser.close()


def open_outputs(browser: Browser, cells: dict[str, Any], *, dark: bool) -> Page:
    """Return a page with the HTML of the cells, on the background of a theme."""
    page = browser.new_page(color_scheme="dark" if dark else "light", viewport={"width": 900, "height": 1600})
    colours = "background:#111;color:#ddd" if dark else "background:#fff;color:#111"
    bodies = "".join(read_shown(cells[name], "text/html") for name in ("fit", "run", "failed", "runs"))
    page.set_content(f'<body style="font-family:sans-serif;{colours}">{bodies}</body>')
    return page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_shows_it(browser: Browser, cells: dict[str, Any], tmp_path: Path, dark: bool) -> None:
    """State, parameters and the curve are to be seen in the colours of the theme; nothing overflows the page."""
    page = open_outputs(browser, cells, dark=dark)
    page.screenshot(path=tmp_path / "tutorial.png", full_page=True)
    assert page.locator(".ovenbird").count() == 4
    assert page.get_by_text("COMPLETED").first.is_visible()
    curve = page.get_by_role("img", name="error: 0.106738, 50 values from 0.1067 to 1.005").bounding_box()
    assert curve is not None
    assert (curve["width"], curve["height"]) == (160, 36)
    colour = page.get_by_text("Parameters").first.evaluate("element => getComputedStyle(element).color")
    assert colour == ("rgb(221, 221, 221)" if dark else "rgb(17, 17, 17)")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()
