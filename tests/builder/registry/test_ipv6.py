"""A registry at an IPv6 address."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.builder.registry.test_client import push_manifest
from tests.registry import run_registry

from ovenbird.common.hashing import digest_bytes
from ovenbird_builder.bases import catalog
from ovenbird_builder.containers.engine_errors import translate_error
from ovenbird_builder.errors import ReferenceFormatError
from ovenbird_builder.host.network import is_proxy_bypassed
from ovenbird_builder.host.process import ProcessFailedError
from ovenbird_builder.image_store.skopeo_client import SkopeoClient
from ovenbird_builder.oci.media_types import MANIFEST
from ovenbird_builder.oci.reference import parse_reference
from ovenbird_builder.registry.client import RepositoryClient


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A registry on the loopback of IPv6."""
    assert socket.has_ipv6
    with run_registry(tmp_path / "registry", tmp_path / "store", host="[::1]") as address:
        yield address


def test_an_image_is_pushed_and_read_over_ipv6(address: str, tmp_path: Path) -> None:
    """By plain HTTP, as it is this machine, under its tag; what is not there has no digest."""
    reference = parse_reference(f"{address}/team/app:1")
    assert (reference.host, reference.path, reference.tag, reference.loopback) == (address, "team/app", "1", True)
    environ = {"HOME": str(tmp_path)}
    repository = RepositoryClient(reference, environ)
    data = push_manifest(repository)
    repository.put_manifest("1", data, MANIFEST)
    registry = SkopeoClient(tmp_path, environ)
    assert registry.digest(reference) == digest_bytes(data)
    assert registry.digest(parse_reference(f"{address}/team/app:2")) == ""
    assert json.loads(repository.fetch_manifest("1").data) == json.loads(data)


def test_names_with_an_address_wherever_they_are_read() -> None:
    """A mirror, an image of a base, `NO_PROXY` in both spellings."""
    assert catalog.choose_base("3.12", registry="[::1]:5000/hub").source.startswith("[::1]:5000/hub/")
    assert catalog.strip_tag("[fd00::1]:5000/base:1") == "[fd00::1]:5000/base"
    assert str(parse_reference("[fd00::1]/app@sha256:" + "0" * 64)) == "[fd00::1]/app@sha256:" + "0" * 64
    assert is_proxy_bypassed("[::1]:5000", {"no": "::1"})
    assert is_proxy_bypassed("[::1]:5000", {"no": "[::1]"})
    assert not is_proxy_bypassed("[::2]:5000", {"no": "::1"})


@pytest.mark.parametrize("text", ["[::1/app:1", "[::1]5000/app:1", "[::x]:5000/app", "::1/app:1", "[::1]:port/app"])
def test_an_invalid_address_is_refused(text: str) -> None:
    """One reason, which names the part."""
    with pytest.raises(ReferenceFormatError) as caught:
        parse_reference(text)
    assert "is not a" in caught.value.message
    assert "\n" not in str(caught.value)


def test_a_skopeo_without_ipv6_is_reported_with_a_hint() -> None:
    """Before 1.12 it refuses every name with an IPv6 address."""
    message = r'level=fatal msg="Error parsing image name \"docker://[::1]:5/app:1\": invalid reference format"'
    error = translate_error(ProcessFailedError(("skopeo",), 1, message), "pull [::1]:5/app:1")
    assert "/etc/hosts" in error.hint
