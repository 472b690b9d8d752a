"""What goes into an image above its base: the layers to be, what makes them, and what the image says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import Struct

from . import baked_document, labels
from .bake import Maker
from .bases.foundation import Foundation
from .bases.probe import Interpreter
from .bench import Bench
from .descriptions import describe_function
from .layers import underlay
from .layers.assemble import Changes
from .layers.cache import Cache
from .layers.dependencies import Outline, Stack, dependency_layers, outline
from .layers.group import BUDGET
from .layers.source import files_key, files_layer, source_key, source_layer
from .locking.wheelhouse import Wheel
from .needs import Needs
from .plan import Part
from .sources import Tree
from .spec import Request


class Contents(Struct, frozen=True):
    """The layers to be by kind, the calls that make them, and the config's changes and the manifest's annotations."""

    parts: Mapping[str, Sequence[Part]]
    makers: Mapping[str, Maker]
    changes: Changes
    annotations: Mapping[str, str]


class Inputs(Struct, frozen=True):
    """All that an image is made of, once it is known."""

    request: Request
    base: Foundation
    sibling: Foundation  # the base that runs on this machine: `base`, or the same one for another architecture
    interpreter: Interpreter
    tree: Tree
    needs: Needs
    wheels: tuple[Wheel, ...]
    runtime: tuple[Wheel, ...]  # empty where the base brings it


def contents(inputs: Inputs, bench: Bench, cache: Cache, builder: str) -> Contents:
    """The contents of an image. `builder` is the version of Ovenbird that builds.

    Errors: those of `layers`, where a base has to be asked what it holds.
    """
    compression, tree = inputs.request.compression, inputs.tree
    files = _files(inputs)
    identity, below = inputs.base.digest, inputs.sibling.manifest
    budget = BUDGET - (underlay.BUDGET + 1 if inputs.runtime else 0) - len(inputs.request.instructions)
    above = Stack(inputs.wheels, inputs.interpreter, identity, compression=compression, budget=budget)
    runtime = underlay.runtime_stack(inputs.runtime, inputs.interpreter, identity, compression)
    rows = bench.on(below, lambda image: outline(above, image, cache))
    parts = {
        "dependencies": [_of_wheels("dependencies", row, inputs) for row in rows],
        "source": [Part("source", "source", source_key(tree, compression=compression), _source_parts(inputs))],
        "document": [
            Part("document", "function document", files_key(files, compression=compression), _document_parts(inputs))
        ],
    }
    if inputs.runtime:
        parts["runtime"] = _runtime_parts(runtime, inputs, bench, cache)

    makers: dict[str, Maker] = {
        "runtime": lambda: bench.on(below, lambda image: underlay.runtime_layers(runtime, image, cache)),
        "dependencies": lambda: bench.on(below, lambda image: dependency_layers(above, image, cache)),
        "source": lambda: (source_layer(tree, cache, compression=compression),),
        "document": lambda: (files_layer(files, cache, compression=compression),),
    }
    said, request = about(inputs, builder), inputs.request
    return Contents(parts, makers, _changes({**said, **request.labels}), {**said, **request.annotations})


def about(inputs: Inputs, builder: str) -> dict[str, str]:
    """What the image says of itself, as labels and as annotations; what is not known is left out."""
    found = {
        labels.TITLE: inputs.request.function.name,
        labels.SOURCE: inputs.tree.uri,
        labels.REVISION: inputs.tree.revision,
        labels.SOURCE_DIGEST: inputs.tree.digest,
        labels.LOCK_DIGEST: inputs.needs.lock.digest,
        labels.BASE_NAME: inputs.base.name,
        labels.BASE_DIGEST: inputs.base.digest,
        labels.BASE_LAYERS: str(len(inputs.base.diff_ids)),
        labels.PYTHON: inputs.interpreter.version,
        labels.SOABI: inputs.interpreter.soabi,
        labels.LIBC: inputs.interpreter.libc,
        labels.PURELIB: inputs.interpreter.purelib,
        labels.PLATLIB: inputs.interpreter.platlib,
        labels.RUNTIME: builder if inputs.runtime else inputs.interpreter.runtime,
        labels.RUNTIME_FROM: "image" if inputs.runtime else "base",
        labels.INSTRUCTIONS: str(len(inputs.request.instructions)),
        **describe_function(inputs.request.function, inputs.tree.path),
    }
    # a folder's path says on whose machine it lay, and makes two machines differ
    if inputs.tree.uri in ("local", "inline"):
        del found[labels.SOURCE]
    return {name: value for name, value in found.items() if value}


def _runtime_parts(stack: Stack, inputs: Inputs, bench: Bench, cache: Cache) -> list[Part]:
    rows = bench.on(inputs.sibling.manifest, lambda image: outline(stack, image, cache))
    known = bench.on(inputs.sibling.manifest, lambda image: underlay.accounts(image, stack.identity, cache))
    files = underlay.runtime_files(stack.target, *known)
    key = files_key(files, compression=stack.compression)
    command = Part("runtime", "runtime: command and user", key, {"base": stack.identity})
    return [*(_of_wheels("runtime", row, inputs) for row in rows), command]


def _of_wheels(kind: str, row: Outline, inputs: Inputs) -> Part:
    parts = {wheel.name: f"{wheel.version} ({wheel.sha256[:12]})" for wheel in row.wheels}
    return Part(kind, row.name, row.key, {**parts, "Python": inputs.interpreter.version, "base": inputs.base.digest})


def _source_parts(inputs: Inputs) -> dict[str, str]:
    return {"source": inputs.tree.digest, "compression": inputs.request.compression}


def _document_parts(inputs: Inputs) -> dict[str, str]:
    return {
        "source": inputs.tree.digest,
        "revision": inputs.tree.revision,
        "lock": inputs.needs.lock.digest,
        "base": inputs.base.digest,
        "document": json.dumps(inputs.request.function.raw.get("spec"), sort_keys=True, default=str)[:200],
    }


def _files(inputs: Inputs) -> dict[str, bytes]:
    function, lock = inputs.request.function, inputs.needs.lock
    made_of: dict[str, Any] = {
        "source": {"revision": inputs.tree.revision, "digest": inputs.tree.digest},
        "lock": {"digest": lock.digest},
        "base": {"name": inputs.base.name, "digest": inputs.base.digest},
    }
    if labels.SOURCE in about(inputs, ""):
        made_of["source"]["uri"] = inputs.tree.uri
    return {
        baked_document.DOCUMENT: baked_document.document(function, inputs.interpreter.minor, made_of),
        baked_document.LOCK: lock.text.encode(),
    }


def _changes(said: Mapping[str, str]) -> Changes:
    """How the image runs: the same on any base, whatever that one ran."""
    env = {**underlay.CHANGES.env, "OVENBIRD_TARGET": baked_document.DOCUMENT}
    return replace(underlay.CHANGES, env=env, labels=said, without=labels.OF_AN_IMAGE)
