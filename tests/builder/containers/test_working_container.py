"""A working container is removed at the end of its block, and after its builder was killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from ovenbird_builder.containers import working_container
from ovenbird_builder.containers.working_container import LazyImage, explain_missing_image, open_container
from ovenbird_builder.errors import BaseMissingError, DigestError, RegistryAuthError, RegistryError
from ovenbird_builder.host.process import ProcessFailedError

MakeImage = Callable[..., str]
KILLED = """
import os, sys
from ovenbird_builder.containers.working_container import open_container
with open_container(sys.argv[1], pull="never") as container:
    print(container.name, flush=True)
    os.kill(os.getpid(), 9)
"""


def list_containers() -> set[str]:
    """Return the names of all working containers of the store."""
    process = subprocess.run(["buildah", "containers", "--json"], capture_output=True, text=True, check=True)
    return {row["containername"] for row in json.loads(process.stdout or "[]") or []}


def test_it_is_removed_however_its_block_ends(image: MakeImage) -> None:
    """At the end of the block, and when the block raises; meanwhile its file system can be mounted."""
    name = image("FROM scratch\nCOPY x /x\n", x="text")
    with open_container(name, pull="never") as container:
        assert container.name in list_containers()
        with container.mount_root() as folder:
            assert (folder / "x").read_text() == "text"
    assert container.name not in list_containers()
    with pytest.raises(ValueError, match="of the block"), open_container(name, pull="never") as container:
        raise ValueError("of the block")
    assert container.name not in list_containers()


def test_containers_of_a_killed_builder_are_removed(image: MakeImage) -> None:
    """Those of a process that has ended; one of a process that lives stays."""
    name = image("FROM scratch\nCOPY x /x\n", x="text")
    process = subprocess.run([sys.executable, "-c", KILLED, name], capture_output=True, text=True, check=False)
    orphan = process.stdout.strip()
    assert (process.returncode, orphan in list_containers()) == (-9, True), process.stderr
    with open_container(name, pull="never") as container:
        assert orphan not in list_containers()
        working_container.remove_orphans()
        assert container.name in list_containers()


def test_a_missing_image_is_named(container_env: dict[str, str]) -> None:
    """It is named, and no container is left."""
    before = list_containers()
    with (
        pytest.raises(BaseMissingError, match="localhost/ovenbird-test-none"),
        open_container("localhost/ovenbird-test-none:1", pull="never"),
    ):
        pass
    assert list_containers() == before


def test_a_lazy_image_is_loaded_once() -> None:
    """It is loaded when its name is first used; a failed load is tried again at the next use."""
    loads: list[int] = []

    def load() -> str:
        loads.append(1)
        if len(loads) == 1:
            raise RegistryError("not now")
        return "base:1"

    lazy = LazyImage(load)
    assert loads == []
    with pytest.raises(RegistryError, match="not now"):
        _ = lazy.name
    assert [lazy.name, lazy.name, len(loads)] == ["base:1", "base:1", 2]


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("unauthorized: authentication required", RegistryAuthError),
        ("received unexpected HTTP status: 403 (Forbidden)", RegistryAuthError),
        ("manifest unknown: manifest unknown", BaseMissingError),
        ("x:1: image not known", BaseMissingError),
        ("Digest did not match, expected sha256:a", DigestError),
        ("dial tcp: i/o timeout", RegistryError),
    ],
)
def test_why_an_image_could_not_be_had(output: str, kind: type[Exception]) -> None:
    """Denied, absent, another digest or another refusal: the error has the image and the last line."""
    error = explain_missing_image("x:1", ProcessFailedError(("buildah", "from"), 125, output))
    assert type(error) is kind
    assert "'x:1'" in str(error)
    assert output in str(error)
