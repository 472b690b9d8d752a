"""A run in a container as a function: what it cannot do is said before any engine is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests import starts

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


@pytest.mark.parametrize("verb", ["run", "serve"])
def test_a_target_exists_beside_an_image_too(tmp_path: Path, verb: str) -> None:
    """A name that was mistyped would run the function of the image without a word; no engine is asked."""
    words = (verb, "mian.py", "--container", "--image", "localhost/greet:1")
    process = starts.run(*words, cwd=tmp_path, env={**os.environ, "PATH": str(tmp_path)})
    assert process.returncode == 20, process.stderr
    assert "no file 'mian.py'" in process.stderr
    process = starts.run(verb, "--container", "--image", "x:1", cwd=tmp_path, env={**os.environ, "PATH": str(tmp_path)})
    assert process.returncode == 24, "without a target the engine is the first thing that is missing"
