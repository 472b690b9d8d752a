"""`Function.build`: the image of a function, by the builder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import SettingsError
from ..function.target import Target
from .actions import open_action
from .card_display import CardDisplay
from .sources import FunctionSource, ObjectSource

if TYPE_CHECKING:
    from ..display.card import Card


class ImageLayer(NamedTuple):
    """A layer above the base. `size` is in bytes; `is_cached`: it was there before the build."""

    name: str
    digest: str
    size: int
    is_cached: bool


class RebuiltLayer(NamedTuple):
    """A layer that a build has made, and why it had to."""

    kind: str
    name: str
    reason: str


@dataclass(frozen=True)
class Image(CardDisplay):
    """An image that was built. `reference` is its name with its digest; `size` counts the bytes of all its layers.

    `rebuilt` is empty where everything was in the cache; `changed`: whether anything was written or pushed.
    """

    reference: str
    digest: str
    layers: tuple[ImageLayer, ...]
    rebuilt: tuple[RebuiltLayer, ...]
    size: int
    tags: tuple[str, ...]
    changed: bool
    seconds: float
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return its first tag."""
        return self.tags[0]

    def __repr__(self) -> str:
        return f"<Image {self.reference}>"

    def _make_card(self) -> Card:
        from ..common.units import show_size
        from ..display.card import Card, Fields, Grid, Text

        facts = {"digest": self.digest, "size": show_size(self.size), "built in": f"{self.seconds:.1f} s"}
        layers = [(layer.name, show_size(layer.size), "cached" if layer.is_cached else "new") for layer in self.layers]
        rebuilt = {f"{layer.kind} {layer.name}": layer.reason for layer in self.rebuilt}  # a cell would cut reasons
        parts = (
            Grid("Layers", ("name", "size", ""), layers),
            Fields("Rebuilt", rebuilt),
            Text("Warnings", "\n".join(self.warnings), is_open=True),
        )
        return Card("Image", self.name, "changed" if self.changed else "unchanged", facts, parts)


def build_image(source: FunctionSource, options: Mapping[str, Any], environ: Mapping[str, str]) -> Image:
    """Build the image of a function. `options` are those of `ovenbird build` by name. Errors: OvenbirdError."""
    target = source.locate(environ)
    text, folder = name_build_target(source, target)
    all_options = {"source": folder, **options}
    if not options.get("tag") and isinstance(source, ObjectSource):
        all_options["tag"] = f"{_make_image_name(target.attribute)}:latest"
    with open_action("build") as build:
        document = build(text, {name: value for name, value in all_options.items() if value}, environ).document()
    return read_image(document)


def read_image(document: Mapping[str, Any]) -> Image:
    """Return the image of a build's result, as the command prints it."""
    layers = tuple(ImageLayer(row["name"], row["digest"], row["size"], row["hit"]) for row in document["layers"])
    return Image(
        f"{document['image']}@{document['digest']}", document["digest"], layers,
        tuple(RebuiltLayer(**row) for row in document["rebuilt"]), document["size"], tuple(document["tags"]),
        document["changed"], document["seconds"], tuple(document["warnings"]),
    )  # fmt: skip


def make_build_options(
    python_version: str, requirements: str | os.PathLike[str] | Iterable[str], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return options with the Python version and the requirements: specifications, or the path of a file of them.

    Errors: SettingsError for an option that is given by two names.
    """
    if twice := sorted({"python", "requirement"} & set(options)):
        name = {"python": "python_version", "requirement": "requirements"}[twice[0]]
        raise SettingsError(f"{twice[0]}= is called {name}= here")
    all_options = {**options, "python": python_version}
    if isinstance(requirements, os.PathLike) or (isinstance(requirements, str) and requirements.endswith(".txt")):
        all_options["requirements"] = os.fspath(requirements)
    elif requirements:
        all_options["requirement"] = [requirements] if isinstance(requirements, str) else list(requirements)
    return all_options


def name_build_target(source: FunctionSource, target: Target) -> tuple[str, str]:
    """Return the target of a build and its source folder, which is empty where the target says it."""
    if target.function is not None:
        return str(source.find_document(target)), ""
    path = target.root.joinpath(*target.module.split(".")).with_suffix(".py")
    text = str(path) if path.is_file() else target.module
    return f"{text}:{target.attribute}", str(target.root)


def _make_image_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "function"
