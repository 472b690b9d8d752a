"""A build at a site with a proxy as the only way out, and an index with a certificate of its own authority."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import zstandard
from tests.builds import Builds
from tests.container.conftest import ONE
from tests.engine import Images
from tests.orchard import PASSWORD
from tests.walled import GATE_PASSWORD, GATE_WRITTEN, Gate, Walled

SOURCE = "import apple, grafted\n\ndef handler():\n    return apple.VERSION\n"
DOCUMENT = """
kind: python
name: walled
spec:
  source: {source: main.py, handler: handler}
  requirements: [apple, grafted]
  instructions: ['test -s "$SSL_CERT_FILE" && echo "by $HTTPS_PROXY"']
"""


@pytest.mark.timeout(300)
def test_a_build_uses_authority_and_proxy_and_shows_no_password(
    base_images: Images, walled: Walled, gate: Gate, tmp_path: Path
) -> None:
    """Locked, fetched, built and run by both; no argv of buildah, no file, no word and no layer has a password."""
    builds = Builds(tmp_path, HTTPS_PROXY=gate.url, WHO="gardener", WORD="Plum%26Pear%2377")
    builds.write(main__py=SOURCE, function__yaml=DOCUMENT)
    words = (
        "--base", base_images[ONE], "--python", ONE, "--output", f"oci:{tmp_path / 'image'}",
        "--index-url", walled.url.replace("://", "://${WHO}:${WORD}@"), "--result-file", str(tmp_path / "result.json"),
    )  # fmt: skip
    refused = builds.run(*words)
    assert refused.status == 46, refused.err
    assert "--ca-bundle FILE" in refused.error["hint"]
    before, log = gate.count_passed(walled.host), tmp_path / "argv"
    result = builds.run(*words, "--ca-bundle", str(walled.authority), PATH=_watch_buildah(tmp_path, log))
    assert result.status == 0, result.err
    assert "by ***" in result.err  # the instruction had it
    assert gate.count_passed(walled.host) > before
    assert "> lock what 2 requirements need, by pip-tools\n  3 pins, " in result.err
    assert re.search(r"> download the wheels of 3 pins\n  2 wheels, 0.0 MB, ", result.err)
    assert "> build the wheel of grafted 1.0\n" in result.err
    assert any("distributions: grafted 1.0 (tests==1);" in warning for warning in json.loads(result.out)["warnings"])
    assert "--env=HTTPS_PROXY " in log.read_text()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    texts = [refused.err, result.err, result.out, *(path.read_bytes().decode(errors="replace") for path in files)]
    texts += [_unpack(tmp_path / "image", layer["digest"]) for layer in json.loads(result.out)["layers"]]
    for word in (GATE_PASSWORD, GATE_WRITTEN, PASSWORD, "Plum%26Pear%2377"):
        assert not [text[:200] for text in texts if word in text], word


def _watch_buildah(folder: Path, log: Path) -> str:
    """Return a PATH with a buildah in front of the real one that writes down what it is called with."""
    front = folder / "bin" / "buildah"
    front.parent.mkdir()
    front.write_text(f'#!/bin/sh\necho "$@" >> {log}\nPATH="${{PATH#*:}}" exec buildah "$@"\n')
    front.chmod(0o755)
    return f"{front.parent}:{os.environ['PATH']}"


def _unpack(layout: Path, digest: str) -> str:
    with (layout / "blobs" / "sha256" / digest.partition(":")[2]).open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read().decode(errors="replace")
