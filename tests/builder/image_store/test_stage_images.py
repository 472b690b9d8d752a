"""Images of the cache in the store: loaded when needed, and removed with their build."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.builder.shop import Shop

from ovenbird_builder.containers.working_container import LazyImage, open_container
from ovenbird_builder.errors import BaseMissingError
from ovenbird_builder.image_store.stage_images import StageImages, open_stage_images
from ovenbird_builder.layers.image_manifest import write_layout


@pytest.fixture
def shop(tmp_path: Path, container_env: dict[str, str]) -> Iterator[Shop]:
    """An image that no store has seen; what is kept of it is removed afterwards."""
    shop = Shop(tmp_path / "cache", os.urandom(8))
    yield shop
    name = f"localhost/ovenbird-base:{shop.image.digest[7:31]}"
    subprocess.run(["buildah", "rmi", name], capture_output=True, check=False)


def image_exists(name: str) -> bool:
    """Return whether the store has it."""
    return (
        subprocess.run(["buildah", "inspect", "--type=image", name], capture_output=True, check=False).returncode == 0
    )


def test_a_stage_is_removed_with_its_build_and_a_base_stays(shop: Shop) -> None:
    """Whichever way that ends."""
    names: list[str] = []

    def ended() -> None:
        with open_stage_images(shop.registry, shop.cache) as desk:
            names.extend((desk.load_image(shop.image.manifest), desk.load_image(shop.image.manifest, keep=True)))
            assert all(map(image_exists, names))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ended()
    stage, base = names
    assert (image_exists(stage), image_exists(base)) == (False, True)


def test_what_is_loaded_in_the_background_ends_with_the_build(shop: Shop) -> None:
    """An error there is nobody's: whoever wants the image loads it again and is told."""
    with open_stage_images(shop.registry, shop.cache) as desk:
        desk.begin_loading(shop.image.manifest)
        desk.wait_loaded()
        assert not desk.is_loading
        name = desk.load_image(shop.image.manifest)
        assert image_exists(name)
        (shop.cache.blobs / "sha256" / json.loads(shop.image.manifest)["layers"][0]["digest"][7:]).unlink()
        subprocess.run(["buildah", "rmi", "--force", name], capture_output=True, check=True)
        desk.begin_loading(shop.image.manifest)
        desk.wait_loaded()
        assert not image_exists(name)


def test_an_image_of_the_store_is_not_loaded_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base that is kept costs one question."""
    StageImages(shop.registry, shop.cache).load_image(shop.image.manifest, keep=True)
    (shop.cache.blobs / "sha256" / shop.image.digest[7:]).unlink()  # loading it now would fail
    assert image_exists(StageImages(shop.registry, shop.cache).load_image(shop.image.manifest, keep=True))


def test_a_base_is_loaded_when_its_name_is_used(shop: Shop) -> None:
    """It is loaded once and not earlier: most builds run nothing. A working container uses the name."""
    desk = StageImages(shop.registry, shop.cache)
    base = desk.get_base(shop.image.manifest)
    name = f"localhost/ovenbird-base:{shop.image.digest[7:31]}"
    assert not image_exists(name)
    with open_container(base, pull="never") as container:
        assert image_exists(name)
        assert container.name
    (shop.cache.blobs / "sha256" / shop.image.digest[7:]).unlink()  # loading it now would fail
    assert desk.get_base(shop.image.manifest).name == name


def test_an_image_that_failed_is_made_again() -> None:
    """An error is the caller's, and no name is kept of it; what is made is made once."""
    calls: list[int] = []

    def load() -> str:
        calls.append(len(calls))
        if len(calls) == 1:
            raise BaseMissingError("no such image")
        return "localhost/image:1"

    image = LazyImage(load)
    with pytest.raises(BaseMissingError, match="no such image"):
        _ = image.name
    assert [image.name, image.name] == ["localhost/image:1"] * 2
    assert calls == [0, 1]


def test_the_stage_of_a_builder_that_was_killed_is_removed_by_the_next(shop: Shop) -> None:
    """Its tag ends with a process that is not there; that of one which runs is left alone."""
    running = subprocess.Popen(["sleep", "60"])
    try:
        started = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[19]
        name = f"localhost/ovenbird-stage:{shop.image.digest[7:31]}"
        alive, dead = f"{name}-{running.pid}-{started}", f"{name}-{running.pid}-1"
        folder = write_layout(shop.cache, "image", shop.image.manifest, "image")
        for tag in (alive, dead):
            shop.registry.load(folder, tag)
        with open_stage_images(shop.registry, shop.cache) as desk:
            desk.load_image(shop.image.manifest)
            assert (image_exists(alive), image_exists(dead)) == (True, False)
    finally:
        running.kill()
        running.wait()
        subprocess.run(["buildah", "rmi", alive], capture_output=True, check=False)
