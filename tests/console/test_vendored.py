"""`static/vendored/`: the files are those that npm has, with their licences."""

from __future__ import annotations

import hashlib
import json

from tests.test_architecture import SOURCES

FOLDER = SOURCES["ovenbird_console"] / "static" / "vendored"


def test_each_vendored_file_is_listed_with_its_digest() -> None:
    """Nobody changes a file, or adds one, without the list of packages, versions and licences saying so."""
    packages = json.loads((FOLDER / "vendored.json").read_text())
    listed = {name: digest for package in packages for name, digest in package["files"].items()}
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.iterdir()}
    del digests["vendored.json"]
    assert listed == digests
    for package in packages:
        assert package["licence"] in ("0BSD", "MIT")
        assert package["version"] in package["source"]
        assert any(name.startswith("LICENSE.") for name in package["files"])
