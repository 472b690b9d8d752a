"""The components of a bill of materials, made by cyclonedx-python-lib, which takes a third of a second to import."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from .image_packages import BaseComponent, ImageComponents, ImagePackage, format_purl

IMAGE, BASE, PYTHON, RUNTIME = "image", "base", "python", "runtime"  # references within a bill
LEFT_OUT = "ovenbird:slim:left-out"  # the properties of what `--slim` has left out, of the image and of a package
FROM_BASE = {"name": "ovenbird:from", "value": "base"}  # the property of a package that the base brings


def document(image: ImageComponents, edges: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return a CycloneDX 1.6 document; `edges` say who needs whom, by name, the image under the key ""."""
    by_name = {package.name: _make_library(package) for package in image.packages}
    sums = [sum(package.left_out[index] for package in image.packages) for index in (0, 1)]
    container = Component(
        name=image.name, version=image.version or None, type=ComponentType.CONTAINER, bom_ref=IMAGE,
        properties=_make_left_out(sums) if image.is_slim else None,
    )  # fmt: skip
    urls = {package.purl for package in image.packages}
    others = [_make_library(package) for package in image.runtime_packages if package.purl not in urls]
    below = [_make_base(image.base), _make_python(image.base), _make_runtime(image.runtime)]
    brought = _make_installed(image.installed, {*by_name, *(package.name for package in image.runtime_packages)})
    bom = Bom(components=[*below, *brought, *others, *by_name.values()], serial_number=uuid.UUID(int=0))
    tool = Component(name="ovenbird", version=image.runtime, type=ComponentType.APPLICATION)
    bom.metadata = BomMetaData(
        component=container,
        timestamp=datetime.fromtimestamp(image.epoch, timezone.utc),
        lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)],
        tools=ToolRepository(components=[tool]),
    )
    bom.register_dependency(below[0], brought)
    bom.register_dependency(below[2], others)
    for name, targets in edges.items():
        needed = [by_name[target] for target in targets]
        bom.register_dependency(by_name[name] if name else container, needed if name else [*below, *needed])
    return _document(bom)


def make_base_components(
    base: BaseComponent, installed: Mapping[str, str], above: Collection[str]
) -> list[dict[str, Any]]:
    """Return the components of a base: itself, its Python, and its packages but for the names in `above`."""
    brought = _make_installed(installed, above)
    bom = Bom(components=[_make_base(base), _make_python(base), *brought], serial_number=uuid.UUID(int=0))
    rows: list[dict[str, Any]] = _document(bom)["components"]
    return rows


def _make_installed(installed: Mapping[str, str], above: Collection[str]) -> list[Component]:
    """Return the packages of a base; the runtime is a component by itself."""
    return [
        Component(
            name=name, version=version, type=ComponentType.LIBRARY, bom_ref=format_purl(name, version),
            purl=PackageURL.from_string(format_purl(name, version)), properties=[Property(**FROM_BASE)],
        )
        for name, version in sorted(installed.items())
        if name not in above and name != "ovenbird"
    ]  # fmt: skip


def _document(bom: Bom) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    return fields


def _make_library(package: ImagePackage) -> Component:
    factory = LicenseFactory()
    licenses: list[License] = [factory.make_from_string(text) for text in package.licenses]
    url = package.url and [ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(package.url))]
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=package.purl,
        description=package.summary or None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.sha256.removeprefix("sha256:"))]
        if package.sha256
        else None,
        licenses=licenses,
        purl=PackageURL.from_string(package.purl),
        external_references=url or None,
        properties=_make_properties(package) or None,
    )


def _make_properties(package: ImagePackage) -> list[Property]:
    wheel = [Property(name="ovenbird:wheel", value=package.filename)] if package.filename else []
    return wheel + (_make_left_out(package.left_out) if any(package.left_out) else [])


def _make_left_out(numbers: Sequence[int]) -> list[Property]:
    """Return how many files of a wheel are not in the image, and how many bytes, with those of symbols."""
    return [
        Property(name=f"{LEFT_OUT}:{unit}", value=str(number))
        for unit, number in zip(("files", "bytes"), numbers, strict=True)
    ]


def _make_base(base: BaseComponent) -> Component:
    qualifiers = {"repository_url": base.name.partition("@")[0], "arch": base.architecture}
    name = base.name.rpartition("/")[2].partition(":")[0]
    return Component(
        name=base.name,
        version=base.digest,
        type=ComponentType.CONTAINER,
        bom_ref=BASE,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=base.digest.removeprefix("sha256:"))],
        purl=PackageURL("oci", name=name.lower(), version=base.digest, qualifiers=qualifiers),
    )


def _make_python(base: BaseComponent) -> Component:
    return Component(
        name="python",
        version=base.python,
        type=ComponentType.PLATFORM,
        bom_ref=PYTHON,
        purl=PackageURL("generic", name="python", version=base.python),
        licenses=[LicenseFactory().make_with_id("PSF-2.0")],
    )


def _make_runtime(version: str) -> Component:
    return Component(
        name="ovenbird",
        version=version,
        type=ComponentType.FRAMEWORK,
        bom_ref=RUNTIME,
        purl=PackageURL("pypi", name="ovenbird", version=version),
        licenses=[LicenseFactory().make_with_id("Apache-2.0")],
    )
