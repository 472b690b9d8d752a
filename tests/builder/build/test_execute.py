"""Layers that the cache lacks are made, each kind at once, and no other; the image is what they add up to."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import structs
from tests.builder.shop import CONFIG, MANIFEST, Shop

from ovenbird_builder.bases.base_image import BaseImage
from ovenbird_builder.build import execute
from ovenbird_builder.build.execute import BuildContext, build_image, make_layers
from ovenbird_builder.build.plan import ImagePlan, LayerSpec, PlanContext, make_plan
from ovenbird_builder.cache.layer import Layer
from ovenbird_builder.host.network import NetworkSettings
from ovenbird_builder.host.progress import Progress
from ovenbird_builder.image_store.stage_images import StageImages, open_stage_images
from ovenbird_builder.layers.image_manifest import ConfigChanges, predict_image
from ovenbird_builder.layers.source import compute_files_key, make_files_layer
from ovenbird_builder.layers.wheel_layers import LayerObserver

BASE = BaseImage("example.com/base:1", "sha256:base", MANIFEST, CONFIG, "linux/amd64")
FILES = {
    "dependencies": ({"/six.py": b"6"}, {"/seven.py": b"7"}),
    "source": ({"/shared/main.py": b"source"},),
    "document": ({"/opt/ovenbird/function.yaml": b"document"},),
}


class Bench:
    """A plan without instructions over a cache, and the calls that make its layers, which are counted."""

    def __init__(self, folder: Path) -> None:
        self.shop, self.calls, self.output = Shop(folder), list[str](), io.StringIO()
        self.cache = self.shop.cache

    def plan(self) -> ImagePlan:
        parts = {
            kind: [LayerSpec(kind, f"{kind} {n}", compute_files_key(files)) for n, files in enumerate(rows)]
            for kind, rows in FILES.items()
        }
        return make_plan(BASE, (), parts, PlanContext(self.cache.find_layer, "zstd", {}))

    def context(self) -> BuildContext:
        def make_kind(kind: str) -> Sequence[Layer]:
            self.calls.append(kind)
            return [make_files_layer(files, self.cache) for files in FILES[kind]]

        bench = StageImages(self.shop.registry, self.cache)
        makers = {kind: lambda _, kind=kind: make_kind(kind) for kind in FILES}  # type: ignore[misc]  # mypy knows no default
        return BuildContext(self.cache, bench, NetworkSettings(), (), "zstd", 60.0, makers, Progress(self.output))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "cache")


def test_missing_layers_are_made_once_and_in_order(bench: Bench) -> None:
    """All layers of a kind are made by one call; a second build makes none and gives the same image."""
    first = build_image(bench.plan(), bench.context(), ConfigChanges(), {"a": "b"}, 7)
    assert bench.calls == ["dependencies", "source", "document"]
    assert [line for line in bench.output.getvalue().splitlines() if line[0] == ">"] == [
        "> dependencies: dependencies 0, dependencies 1", "> source: source 0", "> document: document 0"
    ]  # fmt: skip
    again = build_image(bench.plan(), bench.context(), ConfigChanges(), {"a": "b"}, 7)
    assert bench.calls == ["dependencies", "source", "document"]
    assert again.image.digest == first.image.digest
    assert [layer.cached for layer in again.layers] == [True] * 4


def test_the_image_holds_the_layers_in_the_order_of_the_plan(bench: Bench) -> None:
    """Manifest and config list the same layers; annotations and time are those of the arguments."""
    built_image = build_image(bench.plan(), bench.context(), ConfigChanges(), {"a": "b"}, 7)
    manifest, config = json.loads(built_image.image.manifest), json.loads(built_image.image.config)
    assert [row["digest"] for row in manifest["layers"]] == [layer.digest for layer in built_image.layers]
    assert config["rootfs"]["diff_ids"] == [layer.diff_id for layer in built_image.layers]
    assert manifest["annotations"]["a"] == "b"
    assert config["created"] == "1970-01-01T00:00:07Z"


def test_a_kind_with_a_missing_layer_is_made_again(bench: Bench) -> None:
    """Its maker finds what is there; the other kinds are left alone."""
    build_image(bench.plan(), bench.context(), ConfigChanges(), {}, 0)
    bench.calls.clear()
    bench.cache.locate_blob(bench.plan().steps[1].layer.digest).unlink()  # type: ignore[union-attr]  # it was just made
    again = build_image(bench.plan(), bench.context(), ConfigChanges(), {}, 0)
    assert bench.calls == ["dependencies"]
    assert [layer.cached for layer in again.layers] == [True, False, True, True]


def test_only_the_requested_first_layers_are_made(bench: Bench) -> None:
    """As for a source distribution, which is built on the base and what comes before the dependencies."""
    assert len(make_layers(bench.plan(), bench.context(), 2)) == 2
    assert bench.calls == ["dependencies"]
    assert make_layers(bench.plan(), bench.context(), 0) == ()


@pytest.mark.usefixtures("container_env")
def test_the_store_takes_large_layers_while_others_are_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layers that are finished are in the store before the build is, and no image of them is left there."""
    monkeypatch.setattr(execute, "_LEAST", 1)
    first, second = ({f"/{name}": os.urandom(50)} for name in ("first", "second"))
    stages, states = list[str](), list[tuple[bool, bool]]()

    def make_dependencies(observer: LayerObserver) -> Sequence[Layer]:
        layer = make_files_layer(first, bench.cache)
        observer([layer])
        images.wait_loaded()
        image = predict_image(BASE.manifest, BASE.config, [layer], ConfigChanges(), {}, 0)
        stages.append(f"localhost/ovenbird-stage:{image.digest[7:31]}")
        states.append((has_stage(stages[0]), images.is_loading))
        return [layer, make_files_layer(second, bench.cache)]

    parts = {
        "dependencies": [LayerSpec("dependencies", "large", compute_files_key(files)) for files in (first, second)]
    }
    plan = make_plan(BASE, (), parts, PlanContext(bench.cache.find_layer, "zstd", {}))
    with open_stage_images(bench.shop.registry, bench.cache) as images:
        context = structs.replace(
            bench.context(), stage_images=images, makers={"dependencies": make_dependencies}, fills_store=True
        )
        assert len(build_image(plan, context, ConfigChanges(), {}, 0).layers) == 2
    assert states == [(True, False)]
    assert not has_stage(stages[0])


def has_stage(beginning: str) -> bool:
    """Return whether the store has a stage whose name begins so; the name ends with the build's process."""
    argv = ("buildah", "images", "--json", "--filter=reference=localhost/ovenbird-stage")
    rows = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout or "[]") or ()
    return any(name.startswith(beginning) for row in rows for name in row.get("names") or ())


def test_a_failing_maker_ends_the_build(bench: Bench) -> None:
    """Layers that were made before stay in the cache."""
    context = bench.context()
    broken = {**context.makers, "source": lambda _: (_ for _ in ()).throw(OSError("no source"))}
    with pytest.raises(OSError, match="no source"):
        build_image(bench.plan(), structs.replace(context, makers=broken), ConfigChanges(), {}, 0)
    assert [step.layer is not None for step in bench.plan().steps] == [True, True, False, False]
