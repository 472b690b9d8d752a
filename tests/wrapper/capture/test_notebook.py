"""Functions of a real notebook, run by a real Jupyter kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.scripts import call_in_fresh_process

from ovenbird.capture.captured_module import CapturedModule

pytestmark = pytest.mark.slow
_CAPTURE = """\
import json as _json, ovenbird.errors as _errors
from ovenbird.capture.capture_source import capture_source as _capture
def _show(function):
    try:
        module = _capture(function)
        return _json.dumps([module.text, module.handler, module.file_name, module.requirements])
    except _errors.CaptureError as error:
        return _json.dumps([error.name, error.line, str(error)])
"""


class Notebook:
    """A notebook whose cells are run one by one, by a kernel in a process of its own."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def run(self, text: str) -> str:
        """Run a cell, and return what it printed."""
        from nbclient.exceptions import CellExecutionError
        from nbformat.v4 import new_code_cell

        cell = new_code_cell(text)
        self.client.nb.cells.append(cell)
        try:
            self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        except CellExecutionError:
            return "failed"
        return "".join(output.get("text", "") for output in cell.outputs)

    def capture(self, name: str) -> Any:
        """Return what the capture of a function gives, or its error as name, line and text."""
        values = json.loads(self.run(f"print(_show({name}))"))
        if len(values) == 3:
            return tuple(values)
        text, handler, file_name, requirements = values
        return CapturedModule(text, handler, file_name, requirements=tuple(requirements))


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Start a kernel in an empty folder, and end it."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_notebook

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    client = NotebookClient(
        new_notebook(), timeout=60, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    with client.setup_kernel():
        notebook = Notebook(client)
        notebook.run(_CAPTURE)
        yield notebook


def test_a_notebook(notebook: Notebook, tmp_path: Path) -> None:
    """Cells with magics, an edited cell, a failing one, a module beside it, an event loop that runs."""
    notebook.run("%matplotlib inline\nimport numpy as np\nimport pandas as pd\n!echo hello")
    notebook.run("%%writefile shapes_here.py\ndef area(width):\n    return width * width")
    notebook.run("import shapes_here\nfrom dataclasses import dataclass\nSCALE = 3")
    notebook.run(
        "%%time\n@dataclass\nclass Square:\n    width: int\n"
        "    def area(self):\n        return shapes_here.area(self.width)"
    )
    notebook.run("df = pd.DataFrame({'a': [1, 2]})\ndf.head()")
    notebook.run("async def total(squares):\n    return SCALE * int(np.sum([square.area() for square in squares]))")
    notebook.run("async def train(widths=(1, 2)):\n    return await total([Square(width) for width in widths])")
    assert notebook.run("print(await train())") == "15\n"
    captured = notebook.capture("train")
    assert "pandas" not in captured.text
    assert captured.file_name == "main.py"
    assert [text.partition("==")[0] for text in captured.requirements] == ["numpy"]
    assert (
        call_in_fresh_process(captured, "__import__('asyncio').run(train())", tmp_path / "captured", tmp_path) == "15"
    )

    assert notebook.run("SCALE = 10\nraise ValueError") == "failed"
    captured = notebook.capture("train")
    assert (
        call_in_fresh_process(captured, "__import__('asyncio').run(train())", tmp_path / "captured", tmp_path) == "50"
    )

    notebook.run("def rows():\n    return df")
    name, line, text = notebook.capture("rows")
    assert (name, line) == ("df", 2)
    assert "a `pandas.DataFrame` that `pd.DataFrame(...)` makes (cell 6, line 1)" in text
    notebook.run("df = None")
    assert notebook.capture("rows").text == "def rows():\n    return df\n\n\ndf = None\n"

    notebook.run("def init(context):\n    global df\n    df = pd.DataFrame({'a': [3]})\ninit(None)")
    captured = notebook.capture("rows")
    assert call_in_fresh_process(captured, "init(None) or len(rows())", tmp_path / "captured") == "1"


@pytest.mark.parametrize("magic", ["", "%%time\n"], ids=["cell", "time"])
def test_a_function_calls_what_its_own_cell_imports(notebook: Notebook, tmp_path: Path, magic: str) -> None:
    """A cell is compiled statement by statement: the call of an imported name then has other instructions."""
    notebook.run(f"{magic}import math\ndef root(n=16):\n    return math.sqrt(n)\nclass Roots:\n"
                 "    def root(self):\n        return math.sqrt(16)")  # fmt: skip
    captured = notebook.capture("root")
    assert call_in_fresh_process(captured, "int(root())", tmp_path / "captured", tmp_path) == "4"
    notebook.run("def use():\n    return Roots().root()")
    assert call_in_fresh_process(notebook.capture("use"), "int(use())", tmp_path / "captured", tmp_path) == "4"


def test_scripts_that_a_notebook_runs(notebook: Notebook, tmp_path: Path) -> None:
    """`%run` puts the names of a script into the notebook: its functions are those of the script."""
    (tmp_path / "steps.py").write_text(
        "LIMIT = 2\ndef step(n):\n    return n + LIMIT\nif __name__ == '__main__':\n    step(1)\n"
    )
    notebook.run("%run steps.py")
    captured = notebook.capture("step")
    assert captured.text == "LIMIT = 2\n\n\ndef step(n):\n    return n + LIMIT\n"
    assert captured.file_name == "steps.py"


def test_what_a_notebook_refuses(notebook: Notebook) -> None:
    """What a kernel adds to Python does not exist elsewhere."""
    for text, name in (
        ("def f():\n    display(1)", "display"),
        ("def f():\n    %time 1", "get_ipython"),
        ("def f():\n    return _", "_"),
        ("connection = __import__('sqlite3').connect(':memory:')\ndef f():\n    return connection", "connection"),
    ):
        notebook.run(text)
        assert notebook.capture("f")[:2] == (name, int("connection" in text) + 2)
    notebook.run("def f():\n    return input, print, open")
    assert notebook.capture("f").handler == "f"
