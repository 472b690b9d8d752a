"""What goes into an image above its base: the layers to be, what makes them, and what the image says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import Struct

from ..bases.base_image import BaseImage
from ..bases.probe import TargetPython
from ..cache.layer_cache import LayerCache
from ..image_store.stage_images import StageImages
from ..layers import runtime_layers
from ..layers.image_manifest import ConfigChanges
from ..layers.layer_grouping import BUDGET
from ..layers.slim import VERSION as SLIM_VERSION
from ..layers.slim import LeftOut, SlimRules, measure_left_out
from ..layers.source import compute_files_key, compute_source_key, make_files_layer, make_source_layer
from ..layers.wheel_layers import WheelLayerSpec, WheelSet, make_wheel_layers, outline_layers
from ..locking.wheelhouse import Wheel
from ..oci import label_names
from ..request.build_request import BuildRequest
from ..sources import SourceTree
from . import function_document
from .dependencies import ResolvedDependencies
from .execute import Maker
from .function_description import describe_function
from .plan import LayerSpec


class ImageContents(Struct, frozen=True):
    """The layers to be by kind, the calls that make them, and the config's changes and the manifest's annotations."""

    parts: Mapping[str, Sequence[LayerSpec]]
    makers: Mapping[str, Maker]
    changes: ConfigChanges
    annotations: Mapping[str, str]
    left_out: tuple[LeftOut, ...] = ()  # of the packages' files, by `--slim`


class ResolvedInputs(Struct, frozen=True):
    """All that an image is made of, once it is known."""

    request: BuildRequest
    base: BaseImage
    sibling: BaseImage  # the base that runs on this machine: `base`, or the same one for another architecture
    interpreter: TargetPython
    tree: SourceTree
    needs: ResolvedDependencies
    wheels: tuple[Wheel, ...]
    runtime: tuple[Wheel, ...]  # empty where the base brings it
    absent: Mapping[str, str] = {}  # kinds of layers whose wheels a dry run has not fetched, and what to say of each

    @property
    def epoch(self) -> int:
        """Return the time of the image, in seconds since 1970: that of the request, else of the source's commit."""
        return self.request.epoch if self.request.epoch is not None else self.tree.epoch or 0

    @property
    def slim_rules(self) -> SlimRules | None:
        """Return the rules of a slim image, None where all files of packages are wanted."""
        return SlimRules(self.request.slim_keep) if self.request.slim else None


def make_contents(inputs: ResolvedInputs, stage_images: StageImages, cache: LayerCache, builder: str) -> ImageContents:
    """Return the contents of an image. `builder` is the version of Ovenbird that builds.

    Errors: those of `outline_layers`, where a base has to be asked what it holds.
    """
    compression, tree = inputs.request.compression, inputs.tree
    files = _make_files(inputs)
    identity, below = inputs.base.digest, stage_images.get_base(inputs.sibling.manifest)
    budget = BUDGET - (runtime_layers.BUDGET + 1 if inputs.runtime else 0) - len(inputs.request.instructions)
    above = WheelSet(
        inputs.wheels, inputs.interpreter, identity, compression=compression, budget=budget, slim=inputs.slim_rules
    )
    runtime = runtime_layers.make_runtime_wheels(inputs.runtime, inputs.interpreter, identity, compression)
    is_absent = "dependencies" in inputs.absent
    rows = () if is_absent else outline_layers(above, below, cache)
    left_out = () if is_absent else measure_left_out(above.wheels, above.slim, above.places, cache)
    parts = {
        "dependencies": [_plan_wheels("dependencies", row, inputs) for row in rows],
        "source": [
            LayerSpec("source", "source", compute_source_key(tree, compression=compression), _describe_source(inputs))
        ],
        "document": [
            LayerSpec(
                "document",
                "function document",
                compute_files_key(files, compression=compression),
                _describe_document(inputs),
            )
        ],
    }
    if inputs.runtime:
        parts["runtime"] = _plan_runtime(runtime, inputs, stage_images, cache)
    for kind, name in inputs.absent.items():
        parts[kind] = [LayerSpec(kind, name, "")]  # without a key, as nobody knows it yet

    makers: dict[str, Maker] = {
        "runtime": lambda _: runtime_layers.make_runtime_layers(runtime, below, cache),
        "dependencies": lambda observer: make_wheel_layers(above, below, cache, observer),
        "source": lambda _: (make_source_layer(tree, cache, compression=compression),),
        "document": lambda _: (make_files_layer(files, cache, compression=compression),),
    }
    description, request = describe_image(inputs, builder) | _describe_slim(inputs, left_out), inputs.request
    return ImageContents(
        parts,
        makers,
        _make_changes({**description, **request.labels}),
        {**description, **request.annotations},
        left_out,
    )


def describe_image(inputs: ResolvedInputs, builder: str) -> dict[str, str]:
    """Return the labels and annotations of the image; what is not known is left out."""
    description = {
        label_names.TITLE: inputs.request.function.name,
        label_names.SOURCE: inputs.tree.uri,
        label_names.REVISION: inputs.tree.revision,
        label_names.SOURCE_DIGEST: inputs.tree.digest,
        label_names.LOCK_DIGEST: inputs.needs.lock.digest,
        label_names.BASE_NAME: inputs.base.name,
        label_names.BASE_DIGEST: inputs.base.digest,
        label_names.BASE_LAYERS: str(len(inputs.base.diff_ids)),
        label_names.PYTHON: inputs.interpreter.version,
        label_names.SOABI: inputs.interpreter.soabi,
        label_names.LIBC: inputs.interpreter.libc,
        label_names.PURELIB: inputs.interpreter.purelib,
        label_names.PLATLIB: inputs.interpreter.platlib,
        label_names.RUNTIME: builder if inputs.runtime else inputs.interpreter.runtime,
        label_names.RUNTIME_FROM: "image" if inputs.runtime else "base",
        label_names.INSTRUCTIONS: str(len(inputs.request.instructions)),
        **describe_function(inputs.request.function, inputs.tree.path),
    }
    # a folder's path says on whose machine it lay, and makes two machines differ
    if inputs.tree.uri in ("local", "inline"):
        del description[label_names.SOURCE]
    return {name: value for name, value in description.items() if value}


def _describe_slim(inputs: ResolvedInputs, left_out: Sequence[LeftOut]) -> dict[str, str]:
    """Return the labels of a slim image: nothing for others, whose digest stays what it was."""
    if not inputs.request.slim:
        return {}
    return {
        label_names.SLIM_FILES: str(sum(row.files for row in left_out)),
        label_names.SLIM_BYTES: str(sum(row.size for row in left_out)),
    }


def _plan_runtime(
    stack: WheelSet, inputs: ResolvedInputs, stage_images: StageImages, cache: LayerCache
) -> list[LayerSpec]:
    below = stage_images.get_base(inputs.sibling.manifest)
    rows = outline_layers(stack, below, cache)
    accounts = runtime_layers.read_accounts(below, stack.identity, cache)
    files = runtime_layers.make_runtime_files(stack.target, *accounts)
    key = compute_files_key(files, compression=stack.compression)
    command = LayerSpec("runtime", "runtime: command and user", key, {"base": stack.identity})
    return [*(_plan_wheels("runtime", row, inputs) for row in rows), command]


def _plan_wheels(kind: str, row: WheelLayerSpec, inputs: ResolvedInputs) -> LayerSpec:
    parts = {wheel.name: f"{wheel.version} ({wheel.sha256[:12]})" for wheel in row.wheels}
    parts |= {"Python": inputs.interpreter.version, "base": inputs.base.digest}
    if inputs.slim_rules and kind == "dependencies" and inputs.slim_rules.list_slim(row.wheels):
        parts["slim"] = f"rules {SLIM_VERSION}"
    return LayerSpec(kind, row.name, row.key, parts)


def _describe_source(inputs: ResolvedInputs) -> dict[str, str]:
    return {"source": inputs.tree.digest, "compression": inputs.request.compression}


def _describe_document(inputs: ResolvedInputs) -> dict[str, str]:
    return {
        "source": inputs.tree.digest,
        "revision": inputs.tree.revision,
        "lock": inputs.needs.lock.digest,
        "base": inputs.base.digest,
        "document": json.dumps(inputs.request.function.raw.get("spec"), sort_keys=True, default=str)[:200],
    }


def _make_files(inputs: ResolvedInputs) -> dict[str, bytes]:
    function, lock = inputs.request.function, inputs.needs.lock
    made_of: dict[str, Any] = {
        "source": {"revision": inputs.tree.revision, "digest": inputs.tree.digest},
        "lock": {"digest": lock.digest},
        "base": {"name": inputs.base.name, "digest": inputs.base.digest},
    }
    if label_names.SOURCE in describe_image(inputs, ""):
        made_of["source"]["uri"] = inputs.tree.uri
    return {
        function_document.DOCUMENT: function_document.make_document(function, inputs.interpreter.minor, made_of),
        function_document.LOCK: lock.text.encode(),
    }


def _make_changes(description: Mapping[str, str]) -> ConfigChanges:
    """Return the changes to the config: the image runs the same on any base."""
    env = {**runtime_layers.CHANGES.env, "OVENBIRD_TARGET": function_document.DOCUMENT}
    return replace(runtime_layers.CHANGES, env=env, labels=description, without=label_names.OF_AN_IMAGE)
