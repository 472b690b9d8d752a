"""Products of earlier builds are recognised by content, under any name; files of others are not."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ovenbird_builder.attestations import provenance, sbom
from ovenbird_builder.attestations.image_packages import BaseComponent, ImageComponents
from ovenbird_builder.build import report
from ovenbird_builder.build.batch import BatchOutcome
from ovenbird_builder.errors import BuildRequestError
from ovenbird_builder.sources.build_products import identify_file, identify_folder

from .conftest import Fetch, read_tree

OURS = {"dev.ovenbird.python": "3.12.1"}
DIGEST = "sha256:" + "a" * 64


def make_result() -> bytes:
    """Return a result file."""
    build_result = report.BuildResult("app:1", DIGEST, (), {}, {}, {})
    return report.format_result(build_result.document()).encode()


def make_outcome(*, several: bool) -> bytes:
    """Return the result file of a failed build, alone or among others."""
    batch_outcome = BatchOutcome("app")
    batch_outcome.error = BuildRequestError("is none", hint="x" * 200)
    return report.format_result(
        {"functions": [batch_outcome.describe()]} if several else batch_outcome.describe()
    ).encode()


def make_bill() -> bytes:
    """Return a bill of materials."""
    base = BaseComponent("docker.io/python:3.12-slim", DIGEST, "3.12.1", "amd64")
    return sbom.build_sbom(ImageComponents(name="app", version="", packages=(), base=base, runtime="0.1.0"))


def make_provenance() -> bytes:
    """Provenance."""
    return provenance.build_provenance(provenance.BuildRecord(
        name="app", digest=DIGEST, parameters={}, materials=(), version="0.1.0", epoch=0
    ))  # fmt: skip


def make_tar(members: Mapping[str, bytes]) -> bytes:
    """Return a tar."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def make_layout(annotations: Mapping[str, str], *, index: bool = False) -> dict[str, bytes]:
    """Return the files of an OCI layout that holds one image, in an index or alone."""
    image = json.dumps({"annotations": dict(annotations), "config": {}}).encode()
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', f"blobs/sha256/{'a' * 64}": image}
    row = {"digest": DIGEST}
    if index:
        files[f"blobs/sha256/{'b' * 64}"] = json.dumps({"manifests": [row]}).encode()
        row = {"digest": "sha256:" + "b" * 64}
    return {**files, "index.json": json.dumps({"manifests": [row]}).encode()}


def make_docker_archive(labels: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files of `docker save`."""
    config = json.dumps({"config": {"Labels": dict(labels)}}).encode()
    return {"manifest.json": json.dumps([{"Config": "c.json", "Layers": []}]).encode(), "c.json": config}


def make_bundle() -> dict[str, bytes]:
    """Return the beginning of a bundle."""
    about: dict[str, Any] = {"version": 1, "given": {}, "bases": [], "source": {}, "files": {}, "answers": {}}
    return {"bundle.json": json.dumps(about).encode(), "blobs/x": b"x" * 1000}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (make_result(), "the result of an earlier build"),
        (make_outcome(several=False), "the result of an earlier build"),
        (make_outcome(several=True), "the result of an earlier build"),
        (make_bill(), "a bill of materials"),
        (make_bill() + b"\n", "a bill of materials"),
        (make_provenance(), "provenance"),
        (make_tar(make_layout(OURS)), "an image"),
        (make_tar(make_layout(OURS, index=True)), "an image"),
        (make_tar(make_docker_archive(OURS)), "an image"),
        (make_tar(make_bundle()), "a bundle"),
        (gzip.compress(make_tar(make_bundle())), "a bundle"),
    ],
    ids=[
        "result",
        "failure",
        "several",
        "bill",
        "bill-line",
        "provenance",
        "oci",
        "oci-index",
        "docker",
        "bundle",
        "bundle-gzip",
    ],
)
def test_products_of_a_build_are_not_packed(fetch_tree: Fetch, tmp_path: Path, data: bytes, words: str) -> None:
    """Under any name, and the tree is the same as without it."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.py").write_text("x")
    before = fetch_tree("app").digest
    for name in ("out", "out.json", "sub/a.tar"):
        path = tmp_path / "app" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    tree = fetch_tree("app")
    assert (set(read_tree(tree)), tree.digest) == ({"main.py"}, before)
    assert all(why.startswith(words) for why in tree.left_out.values())


@pytest.mark.parametrize("index", [False, True])
def test_a_layout_of_ours_is_no_source(fetch_tree: Fetch, tmp_path: Path, index: bool) -> None:
    """As `--output oci:DIR` writes it; that of another image is kept, as a function may be about it."""
    for name, marks in (("ours", OURS), ("others", {"org.opencontainers.image.title": "x"})):
        for path, data in make_layout(marks, index=index).items():
            target = tmp_path / "app" / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    (tmp_path / "app/main.py").write_text("x")
    tree = fetch_tree("app")
    assert {name.partition("/")[0] for name in read_tree(tree)} == {"main.py", "others"}
    assert tree.left_out == {"ours/": "an image that Ovenbird has built"}


_SBOM = {"bomFormat": "CycloneDX", "metadata": {"tools": [{"name": "syft"}]}, "x": "ovenbird"}


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({"image": "a", "digest": "b", "changed": True, "layers": [], "text": "x" * 200}).encode(),
        json.dumps({**_SBOM, "text": "x" * 200}).encode(),
        json.dumps(["changed", "x" * 200]).encode(),
        b'{"changed": ' + b"[" * 5000,
        b'{"changed": not JSON at all' + b" " * 500,
        b'{"bomFormat": "CycloneDX", "metadata": [], "y": "ovenbird", "z": "'
        + b"x" * 200
        + b'", "w": "\\"ovenbird\\""}',
        make_tar(make_layout({})),
        make_tar(make_docker_archive({})),
        make_tar({"bundle.json": b"{}", "a": b"x" * 1000}),
        make_tar({"bundle.json": b"no JSON", "a": b"x" * 1000}),
        make_tar({"index.json": b"[]"}),
        make_tar({"index.json": b'{"manifests": [{"digest": 3}]}'}),
        make_tar({"manifest.json": b'{"Config": 3}'}),
        make_tar({"data.csv": b"x" * 1000}),
        make_tar({}),
        make_tar(make_layout(OURS))[:700],
        gzip.compress(b"x" * 10_000),
        gzip.compress(make_tar(make_bundle()))[:40] + b"x" * 500,
        b"\xfd7zXZ\0" + b"x" * 500,
        b"BZh9" + b"x" * 500,
        b"\0" * 1000,
    ],
    ids=range(21),
)
def test_files_of_others_are_packed(tmp_path: Path, data: bytes) -> None:
    """Also what is damaged, or only looks like ours."""
    (tmp_path / "file").write_bytes(data)
    assert identify_file(tmp_path / "file", len(data)) == ""


def test_a_damaged_layout_is_packed(tmp_path: Path) -> None:
    """It is no reason for an error."""
    assert identify_folder(tmp_path) == ""
    (tmp_path / "oci-layout").write_text("{}")
    for index in (None, "no JSON", "[]", '{"manifests": [{"digest": "sha256:none"}]}', '{"manifests": 3}'):
        if index is not None:
            (tmp_path / "index.json").write_text(index)
        assert identify_folder(tmp_path) == ""
