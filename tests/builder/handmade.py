"""Images for tests, made by hand as OCI layouts: a few files in a few layers, and whatever labels are wanted."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from ovenbird_builder.oci import label_names

_SITE = "usr/local/lib/python3.12/site-packages"
INTERPRETER = {
    label_names.PYTHON: "3.12.1", label_names.SOABI: "cpython-312-x86_64-linux-gnu", label_names.LIBC: "glibc 2.36",
    label_names.PURELIB: f"/{_SITE}", label_names.PLATLIB: f"/{_SITE}", label_names.RUNTIME: "0.1.0",
}  # fmt: skip
DOCUMENT = b"kind: python\nname: greeter\nspec: {source: {handler: greet}}\n"
LOCK = b"numpy==2.1.0 \\\n    --hash=sha256:00\npandas==2.2.3 \\\n    --hash=sha256:11\n"


@dataclass(frozen=True)
class Handmade:
    """A layout on the disk, and the digest of its manifest."""

    folder: Path
    digest: str
    layers: tuple[str, ...]


def make_base(folder: Path, files: Mapping[str, bytes], **labelled: str) -> Handmade:
    """Make a base with one layer and the labels of a Python; `labelled` changes labels."""
    changes = {getattr(label_names, name): value for name, value in labelled.items()}
    labels = {name: value for name, value in {**INTERPRETER, **changes}.items() if value}
    inner = {"Env": ["PATH=/usr/bin", "PYTHON_VERSION=3.12.1"], "Labels": labels, "Cmd": ["python3"]}
    return make_image(folder, [files], inner)


def make_function(folder: Path, below: Handmade, name: str, **labelled: str) -> Handmade:
    """Return an image as a build gives it, on a base that is called `name`."""
    before = json.loads((below.folder / "blobs/sha256" / read_config_digest(below)[7:]).read_bytes())["config"]
    changes = {getattr(label_names, key): value for key, value in labelled.items()}
    labels = {
        **before["Labels"], label_names.TITLE: "greeter", label_names.SOURCE: "git+https://example.org/greet.git",
        label_names.REVISION: "c" * 40, label_names.SOURCE_DIGEST: "sha256:" + "d" * 64,
        label_names.LOCK_DIGEST: "sha256:" + "e" * 64,
        label_names.BASE_NAME: name, label_names.BASE_DIGEST: below.digest, label_names.BASE_LAYERS: "1",
        label_names.INSTRUCTIONS: "0",
        label_names.RUNTIME_FROM: "base", **changes,
    }  # fmt: skip
    env = [*before["Env"], "OVENBIRD_TARGET=/opt/ovenbird/function.yaml"]
    inner = {"Env": env, "Labels": {key: text for key, text in labels.items() if text}, "Cmd": ["serve"],
             "User": "8877:999", "Entrypoint": ["/opt/ovenbird/bin/ovenbird"]}  # fmt: skip
    above = [
        {f"{_SITE}/numpy/__init__.py": b"one = 1\n"},
        {"shared/main.py": b"def greet(): ...\n"},
        {"opt/ovenbird/function.yaml": DOCUMENT, "opt/ovenbird/function.lock": LOCK},
    ]
    names = [f"ovenbird: {name}" for name in ("numpy 2.1.0", "source", "function document")]
    return make_image(folder, above, inner, below=below, names=names)


def read_config_digest(image: Handmade) -> str:
    """Return the digest of the config."""
    manifest = json.loads((image.folder / "blobs/sha256" / image.digest[7:]).read_bytes())
    return str(manifest["config"]["digest"])


def make_image(
    folder: Path,
    layers: Sequence[Mapping[str, bytes]],
    inner: Mapping[str, Any],
    *,
    below: Handmade | None = None,
    names: Sequence[str] = (),
    compression: str = "zstd",
) -> Handmade:
    """Return a layout of an image for this kind of machine, with one layer for each mapping of path to content."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, kind: str) -> dict[str, Any]:
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{name}", "size": len(data)}

    config: dict[str, Any] = {"architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z"}
    rows, diffs, history = [], [], []
    if below:
        for path in (below.folder / "blobs/sha256").iterdir():
            (blobs / path.name).write_bytes(path.read_bytes())
        old = json.loads((blobs / read_config_digest(below)[7:]).read_bytes())
        diffs, history = [*old["rootfs"]["diff_ids"]], [*old["history"]]
        rows = [*json.loads((blobs / below.digest[7:]).read_bytes())["layers"]]
    for index, files in enumerate(layers):
        tar = _tar(files)
        packed = zstandard.compress(tar) if compression == "zstd" else gzip.compress(tar, mtime=0)
        rows.append(put(packed, f"layer.v1.tar+{compression}"))
        diffs.append("sha256:" + hashlib.sha256(tar).hexdigest())
        history.append({"created_by": names[index] if names else "base", "created": "2024-01-01T00:00:00Z"})
    history.append({"created_by": "/bin/sh -c #(nop)  CMD", "empty_layer": True})
    config |= {"config": inner, "rootfs": {"type": "layers", "diff_ids": diffs}, "history": history}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": put(json.dumps(config).encode(), "config.v1+json"), "layers": rows}  # fmt: skip
    descriptor = put(json.dumps(manifest).encode(), "manifest.v1+json")
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
    return Handmade(folder, descriptor["digest"], tuple(row["digest"] for row in rows))


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
