"""Messages of skopeo and buildah, and the error that each becomes."""

from __future__ import annotations

import pytest

from ovenbird_builder.containers import engine_errors
from ovenbird_builder.host.process import ProcessFailedError, ProcessTimedOutError

SAID = [
    # containers/image 5.23, Debian 12
    ('Error parsing image name "docker://h/a:1": pinging container registry h: Get "https://h/v2/": dial tcp 1.2.3.4:1:'
     " connect: connection refused", "build.image.registry", True, "does not answer"),
    ('pinging container registry h: Get "https://h/": dial tcp: lookup h: no such host', "build.image.registry", True,
     "does not answer"),
    ("writing blob: uploading layer chunked: Patch: EOF", "build.image.registry", True, "broke off"),
    ("uploading layer chunked: write tcp: connection reset by peer", "build.image.registry", True, "broke off"),
    ("received unexpected HTTP status: 502 Bad Gateway", "build.image.registry", True, "broke off"),
    ("received unexpected HTTP status: 500 Internal Server Error", "build.image.registry", True, "broke off"),
    ("reading manifest 1 in h/a: unauthorized: authentication required", "build.image.denied", False, "refuses"),
    ("initializing source: requested access to the resource is denied", "build.image.denied", False, "refuses"),
    ("reading manifest 1 in h/a: manifest unknown", "build.image.base_missing", False, "no such image"),
    ('reference "[overlay@/x]localhost/a:1" does not resolve to an image ID: identifier is not an image',
     "build.image.base_missing", False, "no such image"),
    ("x509: certificate signed by unknown authority", "build.image.registry", False, "no trusted connection"),
    ("http: server gave HTTP response to HTTPS client", "build.image.registry", False, "no trusted connection"),
    ("Digest did not match, expected sha256:1, got sha256:2", "build.image.digest", False, "does not match its digest"),
    ("writing layer: write /x/y: no space left on device", "build.layer.space", False, "no room"),
    ("something new", "build.image.engine", False, "something new"),
]  # fmt: skip


@pytest.mark.parametrize(("stderr", "code", "again", "message"), SAID)
def test_each_refusal_has_its_own_error(stderr: str, code: str, again: bool, message: str) -> None:
    """Only network failures are tried again."""
    escaped = stderr.replace('"', '\\"')
    error = ProcessFailedError(("skopeo",), 1, f'time="2026-01-01T00:00:00Z" level=fatal msg="{escaped}"\n')
    translated = engine_errors.translate_error(error, "push h/a:1")
    assert (translated.code, engine_errors.is_transient(error)) == (code, again)
    assert translated.message.startswith("cannot push h/a:1")
    assert message in translated.message
    assert "level=fatal" not in translated.message


def test_a_time_limit_is_the_registrys() -> None:
    """It did not come to an end in time, and is tried again."""
    error = ProcessTimedOutError(("skopeo",), 5, "")
    assert engine_errors.is_transient(error)
    assert "time limit of 5 s" in engine_errors.translate_error(error, "pull x", 4).message
    assert "(4 tries)" in engine_errors.translate_error(error, "pull x", 4).message
