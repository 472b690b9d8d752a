"""The action `build` of the names of the platform's SDK, with a real image."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine import Images

import ovenbird as dh

pytestmark = pytest.mark.timeout(400)
VERSION = "3.11"


def test_a_build_is_a_run_with_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build_cache: Path, base_images: Images
) -> None:
    """The image is named by the run and by the function, whose instructions are steps of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OVENBIRD_HOME", raising=False)
    monkeypatch.setenv("OVENBIRD_CACHE_DIR", str(build_cache))
    project = dh.get_or_create_project("demo")
    function = project.new_function(
        "greet", "python", python_version="PYTHON3_11", code="def handler(event):\n    return 'hi'\n",
        handler="handler", base_image=base_images[VERSION],
    )  # fmt: skip
    run = function.run("build", instructions=["touch /made"], wait=True)
    assert (run.status.state, run.kind) == ("COMPLETED", "python+build:run"), str(run.logs)
    assert run.image == f"localhost/demo-greet:{run.id[:5]}" == run.outputs()["image"]
    assert str(run.result("digest")).startswith("sha256:")
    assert dh.get_function("greet", "demo").spec.image == run.image
    assert [item.id for item in dh.list_runs("demo", action="build")] == [run.id]
