"""A new base under the same upper layers: whether it fits, and the manifest and config that this gives. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from ovenbird.common.hashing import digest_bytes
from ovenbird.common.text import show_value
from ovenbird.common.units import read_whole

from ..cache.layer import Layer
from ..errors import ImageError, IncompatibleBaseError
from ..host.canonical_json import encode_json
from ..image_reader import ImageReader
from ..oci import label_names
from ..oci.media_types import CONFIG, MANIFEST, to_oci_layer

_CONTAINER = ("Image", "Hostname", "Domainname")  # of the container that Docker made a base in
_OURS = "OVENBIRD_"  # environment variables that a build sets, never a base


class RebasedImage(Struct, frozen=True):
    """An image on its new base: manifest and config as bytes; `upper_layers` counts those above its base."""

    manifest: bytes
    config: bytes
    upper_layers: int
    warnings: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Return the digest of the manifest."""
        return digest_bytes(self.manifest)


def count_base_layers(image: ImageReader) -> int:
    """Return how many layers, from the bottom, are the base's. Errors: ImageError for an image of another builder."""
    count, layers = image.labels.get(label_names.BASE_LAYERS, ""), len(image.manifest.get("layers", ()))
    if not 0 < read_whole(count, 0) <= layers:
        raise ImageError(
            f"{show_value(image.name)} does not say which of its {layers} layers are its base's:"
            f" the label `{label_names.BASE_LAYERS}` is {show_value(count or 'missing')}",
            hint="only images that `ovenbird build` has made can be rebased",
        )
    return int(count)


def check_compatible(image: ImageReader, base: ImageReader, facts: Mapping[str, str], *, force: bool = False) -> None:
    """Refuse a base that the upper layers of an image do not fit onto; `facts` are the labels of its interpreter.

    Errors: IncompatibleBaseError with every reason. `force` allows instructions that ran on the old base, and nothing
    else.
    """
    image_labels = image.labels
    missing = [name for name in label_names.INTERPRETER if not image_labels.get(name)]
    if missing:
        raise ImageError(
            f"{show_value(image.name)} does not say what Python it was made for: it has no label `{missing[0]}`"
        )
    reasons = []
    if image.platform[:2] != base.platform[:2]:
        reasons.append(f"the image is for {'/'.join(image.platform[:2])}, the base for {'/'.join(base.platform[:2])}")
    old, new = image_labels[label_names.PYTHON], facts[label_names.PYTHON]
    if old.split(".")[:2] != new.split(".")[:2]:
        reasons.append(f"its packages were installed for Python {'.'.join(old.split('.')[:2])}, the base has {new}")
    for name, part in (
        (label_names.SOABI, "ABI"),
        (label_names.PURELIB, "folder of packages"),
        (label_names.PLATLIB, "folder of platform packages"),
    ):
        if image_labels[name] != facts[name]:
            reasons.append(
                f"the {part} is {show_value(image_labels[name])}, that of the base {show_value(facts[name])}"
            )
    if not _is_libc_satisfied(image_labels[label_names.LIBC], facts[label_names.LIBC]):
        reasons.append(
            f"the C library is {image_labels[label_names.LIBC]}, that of the base {facts[label_names.LIBC]},"
            " older or another"
        )
    if image_labels.get(label_names.RUNTIME_FROM) == "base" and not facts.get(label_names.RUNTIME):
        reasons.append("the runtime came with the old base, and the new one brings none")
    if reasons:
        raise IncompatibleBaseError(
            f"{show_value(base.name)} cannot go below {show_value(image.name)}: " + "; ".join(reasons),
            hint="build anew",
        )
    count = image_labels.get(label_names.INSTRUCTIONS, "0")
    if count != "0" and not force:
        raise IncompatibleBaseError(
            f"{show_value(image.name)} holds what {count} instructions changed on its old base,"
            " which may not fit files of the new one (packages of the system, above all)",
            hint="build anew, or `--force`",
        )


def swap_base(
    image: ImageReader,
    base: ImageReader,
    base_name: str,
    facts: Mapping[str, str],
    old: Mapping[str, Any] | None,
    between: Layer | None = None,
) -> RebasedImage:
    """Return the image on another base; `old` is the config of the base it stands on, None where that is unknown.

    `between` is a layer that goes between the two, if one is needed.

    What the build set in the config wins; what came from the old base gives way to the new base's.
    """
    count, warnings = count_base_layers(image), []
    bottom, above = base.manifest["layers"], image.manifest["layers"][count:]
    if old is None:
        warnings.append("the old base is not available: variables that both bases may set are taken from the new one")
    if image.labels.get(label_names.INSTRUCTIONS, "0") != "0":
        warnings.append("instructions ran on the old base; what they changed was kept as it is")
    renewed = {
        **{name: value for name, value in facts.items() if value and name.startswith(label_names.PREFIX)},
        label_names.BASE_NAME: base_name,
        label_names.BASE_DIGEST: base.digest,
        label_names.BASE_LAYERS: str(len(bottom)),
    }
    if image.labels.get(label_names.RUNTIME_FROM) != "base":
        renewed.pop(label_names.RUNTIME, None)  # its own runtime stays
    config = dict(image.config)
    config["config"] = _merge_config(
        image.config.get("config") or {}, base.config.get("config") or {}, (old or {}).get("config")
    )
    config["config"]["Labels"] = {**(config["config"].get("Labels") or {}), **renewed}
    rows, ids, lines = _make_layer_rows(between, str(image.config.get("created") or ""))
    diffs = [*base.config["rootfs"]["diff_ids"], *ids, *image.config["rootfs"]["diff_ids"][count:]]
    config["rootfs"] = {"type": "layers", "diff_ids": diffs}
    config["history"] = [
        *(base.config.get("history") or []),
        *lines,
        *_cut_history(image.config.get("history") or [], count),
    ]
    raw = encode_json(config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest_bytes(raw), "size": len(raw)},
        "layers": [{**layer, "mediaType": to_oci_layer(layer["mediaType"])} for layer in [*bottom, *rows, *above]],
    }
    if image.manifest.get("annotations"):
        manifest["annotations"] = {**image.manifest["annotations"], **renewed}
    return RebasedImage(encode_json(manifest), raw, len(above) + len(rows), tuple(warnings))


def _make_layer_rows(layer: Layer | None, created: str) -> tuple[list[dict[str, Any]], list[str], list[dict[str, Any]]]:
    """Return a layer as rows of the manifest, of the config's list and of its history; nothing for None."""
    if layer is None:
        return [], [], []
    row = {"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size}
    entry = {"created": created, "created_by": f"ovenbird: {layer.name}", "comment": layer.key}
    return [row], [layer.diff_id], [{name: text for name, text in entry.items() if text}]


def _merge_config(own: Mapping[str, Any], new: Mapping[str, Any], old: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the inner config: a field that the build left as the old base had it becomes the new base's."""
    before = old or {}
    config = {key: value for key, value in new.items() if key not in _CONTAINER}
    config |= {key: value for key, value in own.items() if old is None or value != before.get(key)}
    variables = _parse_environment(new.get("Env"))
    for name, value in _parse_environment(own.get("Env")).items():
        inherited = _parse_environment(before.get("Env")).get(name) == value if old is not None else name in variables
        if not inherited or name.startswith(_OURS):
            variables[name] = value
    if variables:
        config["Env"] = [f"{name}={value}" for name, value in variables.items()]
    inherited_labels = before.get("Labels") or {}
    config["Labels"] = {
        **{
            name: value
            for name, value in (new.get("Labels") or {}).items()
            if not name.startswith(label_names.OF_AN_IMAGE)
        },
        **{
            name: value
            for name, value in (own.get("Labels") or {}).items()
            if inherited_labels.get(name) != value or name.startswith((label_names.PREFIX, *label_names.OF_AN_IMAGE))
        },
    }
    return config


def _parse_environment(env: Sequence[str] | None) -> dict[str, str]:
    return {name: value for name, _, value in (entry.partition("=") for entry in env or ())}


def _cut_history(history: Sequence[Mapping[str, Any]], count: int) -> list[Mapping[str, Any]]:
    """Return the history of the layers above the base: it starts with the first entry that made a layer of them."""
    count_above = 0
    for index, entry in enumerate(history):
        count_above += not entry.get("empty_layer")
        if count_above > count:
            return list(history[index:])
    return []


def _is_libc_satisfied(needed: str, actual: str) -> bool:
    """Return whether what was made for one C library ("glibc 2.36") runs on another: the same kind, not an older."""
    (family, _, version), (other, _, newer) = needed.partition(" "), actual.partition(" ")
    return family == other and _parse_version(newer) >= _parse_version(version)


def _parse_version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]{1,9}", text))
