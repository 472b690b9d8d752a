"""The bill of materials of an image: CycloneDX 1.6 JSON, from the lock and the wheels, not from a scan."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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

from .. import canonical
from .packages import Package, graph

MEDIA_TYPE = "application/vnd.cyclonedx+json"
IMAGE, BASE, PYTHON, RUNTIME = "image", "base", "python", "runtime"  # references within a bill
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:ovenbird:sbom:v1")


@dataclass(frozen=True, slots=True)
class Base:
    """The image at the bottom: its reference without digest, its digest, its Python, and its architecture (OCI)."""

    name: str
    digest: str
    python: str
    architecture: str


def bill(
    *,
    name: str,
    version: str,
    packages: Sequence[Package],
    base: Base,
    runtime: str,
    wanted: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    epoch: int = 0,
) -> bytes:
    """The bill of materials of the function `name`, as JSON bytes that depend on nothing but the arguments.

    `version` is the revision of the source, `runtime` the version of Ovenbird in the image, `wanted` the user's own
    requirements, `environment` the markers of the target (default: what `base` tells of it), `epoch` in seconds.
    """
    by_name = {one.name: _library(one) for one in packages}
    edges = graph(packages, wanted, {**_markers(base), **(environment or {})})
    image = Component(name=name, version=version or None, type=ComponentType.CONTAINER, bom_ref=IMAGE)
    floor = [_base(base), _python(base), _runtime(runtime)]
    bom = Bom(components=[*floor, *by_name.values()], serial_number=uuid.UUID(int=0))
    bom.metadata = BomMetaData(
        component=image,
        timestamp=datetime.fromtimestamp(epoch, timezone.utc),
        lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)],
        tools=ToolRepository(components=[Component(name="ovenbird", version=runtime, type=ComponentType.APPLICATION)]),
    )
    bom.register_dependency(image, [*floor, *(by_name[other] for other in edges.pop(""))])
    for one, others in edges.items():
        bom.register_dependency(by_name[one], [by_name[other] for other in others])
    return _numbered(json.loads(JsonV1Dot6(bom).output_as_string()))


def rebased(bill: bytes, base: Base, epoch: int) -> bytes:
    """The bill of an image that was put onto another base: the same but for the base and its Python."""
    document = json.loads(bill)
    bom = Bom(components=[_base(base), _python(base)], serial_number=uuid.UUID(int=0))
    fresh = {one["bom-ref"]: one for one in json.loads(JsonV1Dot6(bom).output_as_string())["components"]}
    document["components"] = [fresh.get(one.get("bom-ref"), one) for one in document.get("components", ())]
    document["metadata"]["timestamp"] = datetime.fromtimestamp(epoch, timezone.utc).isoformat()
    return _numbered(document)


def count(bill: bytes) -> dict[str, int]:
    """How many components of each type a bill holds."""
    types = [one.get("type", "") for one in json.loads(bill).get("components", ())]
    return {kind: types.count(kind) for kind in sorted(set(types))}


def _library(package: Package) -> Component:
    factory = LicenseFactory()
    licenses: list[License] = [factory.make_from_string(text) for text in package.licenses]
    url = package.url and [ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(package.url))]
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=package.purl,
        description=package.summary or None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.sha256.removeprefix("sha256:"))],
        licenses=licenses,
        purl=PackageURL.from_string(package.purl),
        external_references=url or None,
        properties=[Property(name="ovenbird:wheel", value=package.filename)] if package.filename else None,
    )


def _base(base: Base) -> Component:
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


def _python(base: Base) -> Component:
    return Component(
        name="python",
        version=base.python,
        type=ComponentType.PLATFORM,
        bom_ref=PYTHON,
        purl=PackageURL("generic", name="python", version=base.python),
        licenses=[LicenseFactory().make_with_id("PSF-2.0")],
    )


def _runtime(version: str) -> Component:
    return Component(
        name="ovenbird",
        version=version,
        type=ComponentType.FRAMEWORK,
        bom_ref=RUNTIME,
        purl=PackageURL("pypi", name="ovenbird", version=version),
        licenses=[LicenseFactory().make_with_id("Apache-2.0")],
    )


def _markers(base: Base) -> dict[str, str]:
    """The markers of the target, as far as its Python tells them: CPython on Linux."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(base.architecture, base.architecture)
    return {
        "python_version": ".".join(base.python.split(".")[:2]),
        "python_full_version": base.python,
        "implementation_version": base.python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_release": "",
        "platform_version": "",
    }


def _numbered(document: dict[str, Any]) -> bytes:
    """The document with a serial number that is made from the rest of it, as canonical JSON."""
    rest = {key: value for key, value in document.items() if key != "serialNumber"}
    number = uuid.uuid5(_NAMESPACE, canonical.digest(canonical.encode(rest)))
    return canonical.encode({**rest, "serialNumber": number.urn})
