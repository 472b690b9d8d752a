"""Fixtures of the builder's tests: small images, a private index, a bench for locking."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.orchard import bench, orchard
from tests.walled import gate, walled

from ovenbird_builder.cache.layer_cache import LayerCache

__all__ = ["bench", "gate", "orchard", "walled"]


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[LayerCache]:
    """An empty cache."""
    layers = LayerCache(tmp_path / "cache")
    yield layers
    layers.close()


@pytest.fixture
def image(container_env: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Make an image from the text of a Dockerfile and files beside it: `image("FROM scratch", x="text")`; its name."""
    lines: list[str] = []

    def make(dockerfile: str, *flags: str, **files: str) -> str:
        folder = tmp_path / f"image-{len(lines)}"
        folder.mkdir()
        (folder / "Dockerfile").write_text(dockerfile)
        for name, text in files.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        name = f"localhost/ovenbird-test-{tmp_path.name.lower().replace('_', '-')}:{len(lines)}"
        command = ["buildah", "build", "--quiet", "--layers=false", "--tag", name, *flags, str(folder)]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        lines.append(name)
        return name

    yield make
    if lines:
        subprocess.run(["buildah", "rmi", *lines], capture_output=True, check=False)
