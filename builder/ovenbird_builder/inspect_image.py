"""What is known about an image, gathered from its manifest, config, layers and what refers to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ovenbird.common.units import read_whole
from ovenbird.errors import OvenbirdError

from .attestations import provenance, referrers, sbom
from .attestations.find_sbom import read_python
from .image_reader import ImageReader, layer_files
from .oci import label_names

DOCUMENT, LOCK = "/opt/ovenbird/function.yaml", "/opt/ovenbird/function.lock"
_SIGNATURES = ("application/vnd.dev.cosign.", "application/vnd.dev.sigstore.", "application/vnd.cncf.notary.signature")


def inspect(image: ImageReader) -> dict[str, Any]:
    """Return the facts about an image as JSON values; `notes` lists the parts that could not be read.

    `kind` is `function`, `base`, or empty for an image of others, which `ours` says too.
    """
    labels, notes, kind = image.labels, list[str](), find_kind(image)
    config = image.config.get("config") or {}
    layers = list_layers(image)
    facts: dict[str, Any] = {
        "image": image.name,
        "digest": image.digest,
        "media_type": image.media_type or image.manifest.get("mediaType", ""),
        "platform": "/".join(part for part in image.platform if part),
        "created": image.config.get("created", ""),
        "size": sum(layer["size"] for layer in layers),
        "ours": kind != "",
        "kind": kind,
        "function": labels.get(label_names.TITLE, "") if kind != "base" else "",
        "source": {"uri": labels.get(label_names.SOURCE, ""), "revision": labels.get(label_names.REVISION, ""),
                   "digest": labels.get(label_names.SOURCE_DIGEST, "")},
        "base": {"name": labels.get(label_names.BASE_NAME, ""), "digest": labels.get(label_names.BASE_DIGEST, ""),
                 "layers": labels.get(label_names.BASE_LAYERS, "")},
        "python": {"version": read_python(image), "soabi": labels.get(label_names.SOABI, ""),
                   "libc": labels.get(label_names.LIBC, "")},
        "runtime": labels.get(label_names.RUNTIME) or (labels.get(label_names.VERSION, "") if kind == "base" else ""),
        "lock": {"digest": labels.get(label_names.LOCK_DIGEST, ""), "text": None},
        "slim": _read_slim(labels),
        "document": None,
        "layers": layers,
        "entrypoint": [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())],
        "user": config.get("User", ""),
        "labels": config.get("Labels") or {},
        "annotations": image.manifest.get("annotations") or {},
    }  # fmt: skip
    if kind == "function":
        _add_files(image, facts, notes)
    elif not kind:
        notes.append(f"not an image of Ovenbird: it has no label `{label_names.BASE_LAYERS}`")
    _add_statements(image, facts, notes)
    return {**facts, "notes": notes}


def _read_slim(labels: Mapping[str, str]) -> dict[str, int] | None:
    """Return how many files and bytes of packages a slim image lacks; None for an image that has all."""
    numbers = [read_whole(labels.get(name, ""), -1) for name in (label_names.SLIM_FILES, label_names.SLIM_BYTES)]
    return None if -1 in numbers else {"files": numbers[0], "bytes": numbers[1]}


def find_kind(image: ImageReader) -> str:
    """Return `function` for what a build has made, `base` for one of our bases, "" for an image of others."""
    if label_names.BASE_LAYERS in image.labels:
        return "function"
    command = (image.config.get("config") or {}).get("Entrypoint") or [""]
    ours = image.labels.get(label_names.TITLE, "").startswith(label_names.BASE_TITLE) and "ovenbird" in str(command[0])
    return "base" if ours else ""


def list_layers(image: ImageReader) -> list[dict[str, Any]]:
    """Return each layer with what the history says of it; `of` is `base` or `image`, empty where that is not known."""
    entries = [entry for entry in image.config.get("history") or () if not entry.get("empty_layer")]
    layers = image.manifest.get("layers") or []
    above = read_whole(image.labels.get(label_names.BASE_LAYERS, ""), -1)
    names = [_format_command(entry) for entry in entries] if len(entries) == len(layers) else [""] * len(layers)
    return [
        {
            "digest": layer["digest"],
            "size": layer["size"],
            "media_type": layer.get("mediaType", ""),
            "holds": (layer.get("annotations") or {}).get(label_names.TITLE) or name,
            "of": ("base" if index < above else "image") if above >= 0 else "",
        }
        for index, (layer, name) in enumerate(zip(layers, names, strict=True))
    ]


def _format_command(entry: Mapping[str, Any]) -> str:
    text = str(entry.get("created_by") or entry.get("comment") or "")
    return " ".join(text.removeprefix("ovenbird: ").removeprefix("/bin/sh -c ").removeprefix("#(nop) ").split())


def _add_files(image: ImageReader, facts: dict[str, Any], notes: list[str]) -> None:
    """Add the function document and the lock to the facts, from the layers above the base."""
    above = read_whole(facts["base"]["layers"], 0)
    try:
        texts = layer_files.read_files(image, (DOCUMENT, LOCK), above=above)
    except OvenbirdError as error:
        notes.append(f"the files in the image cannot be read: {error.message}")
        return
    for key, path in (("document", DOCUMENT), ("lock", LOCK)):
        if path not in texts:
            notes.append(f"the image holds no {path}")
        elif key == "document":
            facts["document"] = texts[path].decode("utf-8", "replace")
        else:
            facts["lock"]["text"] = texts[path].decode("utf-8", "replace")


def _add_statements(image: ImageReader, facts: dict[str, Any], notes: list[str]) -> None:
    """Add what refers to the image in its registry: bill of materials, provenance, signatures, and the rest."""
    facts |= {"sbom": None, "provenance": None, "signatures": [], "referrers": list(image.others)}
    if image.repository is None:
        notes.append("statements and signatures lie beside an image in its registry; this one was read elsewhere")
        return
    try:
        facts["referrers"] = referrers.list_referrers(image.repository, image.digest)
        facts["signatures"] = referrers.list_signatures(image.repository, image.digest)
    except OvenbirdError as error:
        notes.append(f"what refers to the image cannot be listed: {error.message}")
    for descriptor in facts["referrers"]:
        kind = descriptor.get("artifactType", "")
        if kind.startswith(_SIGNATURES):
            facts["signatures"].append({"type": kind, "digest": descriptor["digest"]})
        try:
            if kind == sbom.MEDIA_TYPE:
                bill = referrers.read_statement(image.repository, descriptor)
                facts["sbom"] = {"digest": descriptor["digest"], "components": sbom.count_components(bill)}
            elif kind == provenance.MEDIA_TYPE:
                facts["provenance"] = _summarize(
                    referrers.read_statement(image.repository, descriptor), descriptor["digest"]
                )
        except (OvenbirdError, ValueError, KeyError, TypeError) as error:
            notes.append(f"the statement {descriptor['digest']} cannot be read: {error}")


def _summarize(statement: bytes, digest: str) -> dict[str, Any] | None:
    """Return a summary of a provenance statement; None for a statement that is no SLSA provenance."""
    document = json.loads(statement)
    if document.get("predicateType") != provenance.PREDICATE:
        return None
    definition, run = document["predicate"]["buildDefinition"], document["predicate"]["runDetails"]
    return {
        "digest": digest,
        "build_type": definition["buildType"],
        "builder": run["builder"]["id"],
        "materials": len(definition.get("resolvedDependencies") or ()),
        "subject": document["subject"][0]["digest"].get("sha256", ""),
    }
