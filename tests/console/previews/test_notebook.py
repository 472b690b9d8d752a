from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image

from ovenbird_console.previews.notebook import preview_notebook
from ovenbird_console.previews.preview import PreviewError


def make_image() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_cells_and_outputs_are_text_and_images() -> None:
    """HTML of an output is left out, colours of a traceback too; an image is one by its bytes."""
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]},
        {"output_type": "display_data", "data": {"image/png": make_image(), "text/plain": "<Figure>"}},
        {"output_type": "display_data", "data": {"image/png": "bm8gaW1hZ2U=", "text/plain": "broken"}},
        {"output_type": "display_data", "data": {"text/html": "<script>1</script>"}},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>"}},
        {"output_type": "error", "traceback": ["\x1b[31mZeroDivisionError\x1b[0m"]},
        "odd",
    ]
    cells = [
        {"cell_type": "markdown", "source": "# T <script>"},
        {"cell_type": "code", "source": "1/0", "outputs": outputs},
        7,
    ]
    markdown, code, odd = preview_notebook(json.dumps({"cells": cells})).cells
    assert markdown.markup == "<h3>T &lt;script&gt;</h3>\n"
    texts = [output.text for output in code.outputs]
    assert texts[:3] == ["a\nb", "<Figure>", "broken"]
    assert texts[3:] == ["(text/html: not shown)", "(image/svg+xml: not shown)", "ZeroDivisionError", "odd"]
    assert code.outputs[1].image == f"data:image/png;base64,{make_image()}"
    assert [bool(output.image) for output in code.outputs].count(True) == 1
    assert (code.outputs[5].is_error, odd.source) == (True, "7")


def test_an_old_notebook_has_sheets() -> None:
    sheets = [{"cells": [{"cell_type": "code", "input": "print(1)", "outputs": []}]}]
    assert preview_notebook(json.dumps({"worksheets": sheets})).cells[0].source == "print(1)"


@pytest.mark.parametrize("text", ["[]", "{}", '{"cells": 1}', "no"])
def test_what_is_no_notebook_is_an_error(text: str) -> None:
    with pytest.raises(PreviewError):
        preview_notebook(text)


def test_many_cells_are_cut() -> None:
    cells = [{"cell_type": "raw", "source": "x" * 50_000}] * 300
    preview = preview_notebook(json.dumps({"cells": cells}))
    assert (len(preview.cells), preview.omitted) == (200, 100)
    assert preview.cells[0].source.endswith("(cut here)")
