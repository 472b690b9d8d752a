"""The bill of materials holds what is in the image, is valid CycloneDX, and depends on nothing else."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tests.builder.attestations.cyclonedx_schema import find_fault
from tests.builder.attestations.wheelhouse import wheel

from ovenbird_builder.attestations.image_packages import BaseComponent, ImageComponents, ImagePackage
from ovenbird_builder.attestations.sbom import build_sbom, count_components, replace_base, set_revision

BASE = BaseComponent("registry.example/library/python:3.12-slim", "sha256:" + "a" * 64, "3.12.1", "amd64")


@pytest.fixture
def packages(tmp_path: Path) -> list[ImagePackage]:
    """A small stack, with every kind of license."""
    return [
        wheel(tmp_path, "app", "2.0", "License-Expression: MIT OR Apache-2.0", "Requires-Dist: part>=1"),
        wheel(tmp_path, "part", "1.0", "License: BSD-3-Clause", "Summary: A part"),
        wheel(tmp_path, "odd", "1.0+local", "Classifier: License :: OSI Approved :: MIT License",
              "Classifier: License :: OSI Approved :: Apache Software License"),
    ]  # fmt: skip


def make_sbom(packages: list[ImagePackage], **changes: Any) -> bytes:
    """Return the bill of these packages."""
    fields: dict[str, Any] = {"name": "fn", "version": "c0ffee", "base": BASE, "runtime": "0.1.0", "epoch": 1700000000}
    return build_sbom(ImageComponents(packages=packages, requirements=["app"], **{**fields, **changes}))


def test_it_is_valid(packages: list[ImagePackage]) -> None:
    """The library's own strict validator finds nothing, before and after a rebase."""
    assert find_fault(make_sbom(packages).decode()) is None
    assert find_fault(replace_base(make_sbom(packages), BASE, 0).decode()) is None
    assert find_fault('{"bomFormat": "CycloneDX"}') is not None


def test_it_lists_the_wheels_the_base_and_the_runtime(packages: list[ImagePackage]) -> None:
    """Every wheel with its digest and licenses, the base, the Python, the runtime; the graph starts at the image."""
    bill = json.loads(make_sbom(packages))
    parts = {component["bom-ref"]: component for component in bill["components"]}
    assert set(parts) == {
        "base", "python", "runtime", "pkg:pypi/app@2.0", "pkg:pypi/part@1.0", "pkg:pypi/odd@1.0%2Blocal",
    }  # fmt: skip
    app = parts["pkg:pypi/app@2.0"]
    assert app["hashes"] == [{"alg": "SHA-256", "content": packages[0].sha256}]
    assert app["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert parts["pkg:pypi/part@1.0"]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert parts["base"]["version"] == BASE.digest
    assert parts["python"]["version"] == "3.12.1"
    edges = {dependency["ref"]: dependency.get("dependsOn", []) for dependency in bill["dependencies"]}
    assert edges["pkg:pypi/app@2.0"] == ["pkg:pypi/part@1.0"]
    assert set(edges["image"]) == {"base", "python", "runtime", "pkg:pypi/app@2.0", "pkg:pypi/odd@1.0%2Blocal"}
    assert bill["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert count_components(make_sbom(packages)) == {"container": 1, "framework": 1, "library": 3, "platform": 1}


def test_it_depends_on_its_content_only(packages: list[ImagePackage]) -> None:
    """The order of the packages does not matter; each other argument does, and the serial number follows."""
    first = make_sbom(packages)
    shuffled = random.Random(1).sample(packages, len(packages))
    assert make_sbom(shuffled) == first == make_sbom(packages)
    others = [
        make_sbom(packages[:2]),
        make_sbom(packages, epoch=1),
        make_sbom(packages, runtime="0.2"),
        make_sbom(packages, version="x"),
    ]
    numbers = {json.loads(text)["serialNumber"] for text in (first, *others)}
    assert len(numbers) == 5


def test_a_rebase_changes_the_base_alone(packages: list[ImagePackage]) -> None:
    """The SBOM of a rebased image equals that of a build on the new base."""
    newer = BaseComponent("registry.example/library/python:3.12-slim", "sha256:" + "b" * 64, "3.12.5", "amd64")
    assert replace_base(make_sbom(packages), newer, 1700000000) == make_sbom(packages, base=newer)


def test_a_change_of_the_source_needs_no_new_bill(packages: list[ImagePackage]) -> None:
    """The updated SBOM equals a new one, with a revision and without."""
    for version in ("abc", ""):
        assert set_revision(make_sbom(packages), version, 7) == make_sbom(packages, version=version, epoch=7)
        assert set_revision(make_sbom(packages, version=""), version, 7) == make_sbom(
            packages, version=version, epoch=7
        )


def test_it_lists_the_packages_of_the_base(packages: list[ImagePackage]) -> None:
    """The runtime's packages by name and version, below the base; one of the function's own takes its place."""
    installed = {"uvicorn": "0.40.0", "msgspec": "0.20.0", "part": "0.9", "ovenbird": "0.1.0"}
    bill = json.loads(make_sbom(packages, installed=installed))
    assert find_fault(json.dumps(bill)) is None
    parts = {component["bom-ref"]: component for component in bill["components"]}
    assert {"pkg:pypi/uvicorn@0.40.0", "pkg:pypi/msgspec@0.20.0", "pkg:pypi/part@1.0", "runtime"} < set(parts)
    assert not {"pkg:pypi/part@0.9", "pkg:pypi/ovenbird@0.1.0"} & set(parts)
    edges = {dependency["ref"]: dependency.get("dependsOn", []) for dependency in bill["dependencies"]}
    assert edges["base"] == ["pkg:pypi/msgspec@0.20.0", "pkg:pypi/uvicorn@0.40.0"]


@pytest.mark.parametrize("installed", [{}, {"msgspec": "0.21.0", "part": "0.8", "zlib-ng": "1"}], ids=["none", "some"])
def test_a_rebase_lists_the_packages_of_the_new_base(packages: list[ImagePackage], installed: dict[str, str]) -> None:
    """Packages of the old base are removed; the SBOM equals that of a build on the new base."""
    newer = BaseComponent("registry.example/library/python:3.12-slim", "sha256:" + "b" * 64, "3.12.5", "amd64")
    first = make_sbom(packages, installed={"uvicorn": "0.40.0", "msgspec": "0.20.0", "part": "0.9"})
    assert replace_base(first, newer, 1700000000, installed) == make_sbom(packages, base=newer, installed=installed)
