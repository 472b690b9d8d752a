"""A function's image in the cluster's registry, and a namespace for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.builds import Builds
from tests.engine import Images
from tests.kube import Kube, make_document
from tests.processors import FUNCTIONS

from .cluster_verbs import FUNCTION

ONE = "3.13"


@pytest.fixture(scope="session")
def image(
    base_images: Images, insecure: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory, build_cache: Path
) -> str:
    """The image of tests/functions/cluster, by its digest."""
    folder = tmp_path_factory.mktemp("cluster")
    builds = Builds(folder, cache=build_cache)
    shutil.copytree(FUNCTIONS / "cluster", builds.source, dirs_exist_ok=True)
    builds.write(function__yaml=make_document("greet"))
    tag = f"{insecure(os.environ['TEST_REGISTRY'])}/tests/greet:1"
    built = builds.ok(".", "--base", base_images[ONE], "--tag", tag, "--push")
    return f"{tag.rpartition(':')[0]}@{built['digest']}"


@pytest.fixture
def kube(image: str, tmp_path: Path) -> Iterator[Kube]:
    """A namespace of its own, removed after the test."""
    namespace = Kube(tmp_path, image)
    yield namespace
    namespace.close()


@pytest.fixture(scope="module")
def space(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    """A namespace for all tests of this module, and a document that names the image."""
    namespace = Kube(tmp_path_factory.mktemp("space"), image)
    namespace.write("function.yaml", FUNCTION.format(field="image", image=image))
    yield namespace
    namespace.close()
