"""A run in a container as a function: what it cannot do is said before any engine is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.settings import Settings
from ovenbird_builder.actions.container_command import prepare_container
from ovenbird_builder.errors import BuildRequestError


def test_a_function_without_an_image(tmp_path: Path) -> None:
    """The error names the document, and how its image is built."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    (tmp_path / "function.yaml").write_text(
        "kind: python\nname: f\nspec: {source: {source: main.py, handler: handler}}\n"
    )
    with pytest.raises(BuildRequestError, match=r"`spec\.image` of .*function\.yaml. is not set") as caught:
        prepare_container("run", str(tmp_path / "function.yaml"), Settings(), {}, {}, print)
    assert "ovenbird build" in caught.value.hint
