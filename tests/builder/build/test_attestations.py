"""Statements written next to an image on this machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ovenbird_builder.build.attestations import BuildAttestations, write_attestations
from ovenbird_builder.errors import DiskFullError
from ovenbird_builder.oci.media_types import MANIFEST

BILL, HOW = b'{"components": [{"type": "library", "name": "six"}]}', b'{"_type": "statement"}'


def make_attestations(platform: str = "linux/amd64") -> BuildAttestations:
    return BuildAttestations(platform, {"mediaType": MANIFEST, "digest": "sha256:" + "a" * 64, "size": 7}, BILL, HOW, 0)


@pytest.mark.parametrize("name", ["image", "app.tar"])
def test_both_are_written_next_to_the_image(tmp_path: Path, name: str) -> None:
    """Each as it was made, with a newline; those of an earlier build are replaced, and no draft stays."""
    (tmp_path / f"{name}.provenance.json").write_text("old")
    paths = write_attestations([make_attestations()], tmp_path / name)
    assert [path.name for path in paths] == [f"{name}.sbom.cdx.json", f"{name}.provenance.json"]
    assert [path.read_bytes() for path in paths] == [BILL + b"\n", HOW + b"\n"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_each_platform_of_an_index_has_its_own_files(tmp_path: Path) -> None:
    """With its name in that of the file."""
    paths = write_attestations([make_attestations("linux/amd64"), make_attestations("linux/arm64")], tmp_path / "image")
    assert [path.name for path in paths] == [
        f"image.{platform}.{ending}"
        for platform in ("linux-amd64", "linux-arm64")
        for ending in ("sbom.cdx.json", "provenance.json")
    ]


def test_the_current_folder_gives_a_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--output oci:.` has no name: the files are written next to the folder."""
    (tmp_path / "image").mkdir()
    monkeypatch.chdir(tmp_path / "image")
    paths = write_attestations([make_attestations()], Path())
    assert paths[0] == tmp_path / "image.sbom.cdx.json"
    assert list(Path().iterdir()) == []


def test_a_failed_write_is_reported_and_leaves_no_draft(tmp_path: Path) -> None:
    """The name of the statement, and why."""
    (tmp_path / "image.provenance.json").mkdir()
    with pytest.raises(DiskFullError, match=r"cannot write '.*image\.provenance\.json': Is a directory"):
        write_attestations([make_attestations()], tmp_path / "image")
    assert {path.name for path in tmp_path.iterdir()} == {"image.sbom.cdx.json", "image.provenance.json"}


def test_a_result_has_the_digests_of_its_artifacts() -> None:
    """Those of the artifacts' manifests, which name the image as their subject."""
    row = make_attestations().describe()
    artifacts = make_attestations().pack()
    assert (row["platform"], row["image"], row["components"]) == ("linux/amd64", "sha256:" + "a" * 64, {"library": 1})
    assert [row["sbom"], row["provenance"]] == [artifact.descriptor["digest"] for artifact in artifacts]
    for artifact in artifacts:
        assert artifact.descriptor["digest"] == "sha256:" + hashlib.sha256(artifact.manifest).hexdigest()
        assert json.loads(artifact.manifest)["subject"]["digest"] == row["image"]
