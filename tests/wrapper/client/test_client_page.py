"""docs/client.md: its function is served, its snippets are run, and print what their comments say."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.service import Service

import ovenbird.client.errors

PAGE = (Path(__file__).parents[3] / "docs" / "client.md").read_text()
MAIN, *SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.mark.slow
def test_the_snippets_print_what_they_say(serve: Callable[..., Service], tmp_path: Path) -> None:
    """Each snippet is a whole program. A comment behind a `print` is what it prints."""
    service = serve(MAIN)
    assert len(SNIPPETS) == 5
    for snippet in SNIPPETS:
        text = snippet.replace("http://localhost:8080", service.url)
        process = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        comments = re.findall(r"^ *print\(.*\) +# (.*)$", snippet, re.M)
        assert comments
        assert process.stdout.splitlines() == comments


def test_the_page_names_every_error() -> None:
    """The table of errors is complete."""
    errors = [name for name, kind in vars(ovenbird.client.errors).items() if name.endswith("Error") and _is_ours(kind)]
    assert errors
    assert [name for name in errors if f"`{name}`" not in PAGE and f"`{name}," not in PAGE] == []


def _is_ours(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, ovenbird.client.errors.ClientError)
