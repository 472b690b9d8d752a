"""The table of base images."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ovenbird.function_document import VERSIONS
from ovenbird_builder.bases import catalog as bases
from ovenbird_builder.bases import pin_bases as baselock
from ovenbird_builder.errors import BuildRequestError, ReferenceFormatError, VersionError


def test_every_version_of_the_document_has_a_base() -> None:
    """Every Python of a function document has a base, under both of its names."""
    assert tuple(bases.read_catalog()) == VERSIONS
    for version in VERSIONS:
        assert bases.choose_base(version) == bases.choose_base("PYTHON" + version.replace(".", "_"))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_lock_pins_the_needs_of_the_runtime(version: str) -> None:
    """Each need of the runtime is pinned, each pin has hashes, and no index or path of a machine is in a lock."""
    text = bases.find_runtime_lock(version).read_text()
    pins = re.findall(r"^([a-z0-9-]+)==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE))
    needed = {re.split(r"[^\w-]", need)[0].lower() for need in baselock.list_runtime_requirements()}
    assert needed <= {name for name, _ in pins}
    assert not re.search(r"://|^-|/run/", text, re.MULTILINE)
    hashes = {name: hashes_of_pin.count("sha256") for name, hashes_of_pin in pins}
    assert (
        min(hashes[name] for name in ("dulwich", "uvloop", "httptools", "msgspec", "obstore")) > 4
    )  # of every platform's wheel


@pytest.mark.parametrize("version", VERSIONS)
def test_every_lock_of_the_sdk_pins_the_needs_of_the_sdk(version: str) -> None:
    """Each requirement of sdk.in is pinned with hashes, and no pin repeats one of the runtime's lock."""
    text = bases.read_runtime_lock(version, bases.SDK)
    pins = re.findall(r"^([a-z0-9-]+)==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
    names = {name for name, _ in pins}
    assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE))
    assert set(re.findall(r"^[a-z-]+", bases.read_sdk_requirements(), re.MULTILINE)) <= names
    assert not names & set(re.findall(r"^([a-z0-9-]+)==", bases.read_runtime_lock(version), re.MULTILINE))
    assert not re.search(r"://|^-|/run/", text, re.MULTILINE)


def test_needs() -> None:
    """The runtime's own and those of the platform, without the extra's name; not those of the builder."""
    needs = baselock.list_runtime_requirements()
    assert any(need.startswith("starlette") for need in needs)
    assert any(need.startswith("obstore") for need in needs)
    assert not any("extra" in need or need.startswith(("pip-tools", "watchfiles")) for need in needs)


def test_an_unknown_version() -> None:
    """The error lists those that there are."""
    with pytest.raises(VersionError, match=r"'3\.9'") as caught:
        bases.choose_base("3.9")
    assert caught.value.hint == "there are 3.10, 3.11, 3.12, 3.13, 3.14"
    assert caught.value.exit_code == 21


def test_a_mirror() -> None:
    """A mirror takes the place of the registry, with a path of its own if it has one; the upstream keeps its name."""
    base = bases.choose_base("3.12", registry="mirror.site:5000/hub")
    assert base.reference == "mirror.site:5000/hub/library/python:3.12-slim"
    assert base.upstream == "docker.io/library/python:3.12-slim"
    for wrong in ("http://mirror", "mirror/", "a b", "-x", "mirror:99999/hub"):
        with pytest.raises(ReferenceFormatError, match="--registry"):
            bases.choose_base("3.12", registry=wrong)


def test_another_image() -> None:
    """--from wins over the mirror, and over the digest, which belongs to the table's own upstream."""
    base = bases.choose_base("3.12", registry="mirror", image="site.example/python:mine")
    assert base.reference == "site.example/python:mine"
    with pytest.raises(ReferenceFormatError, match="'Python:3'"):
        bases.choose_base("3.12", image="Python:3")


def test_a_pin_changes_one_line(tmp_path: Path) -> None:
    """The digest of one version changes; comments and all else stay; what is fetched then is that digest."""
    text = (bases.find_catalog_folder() / "bases.toml").read_text()
    digest = "sha256:" + "a" * 64
    path = tmp_path / "bases.toml"
    path.write_text(bases.replace_digest(text, "3.12", digest))
    changed = [
        (old, new) for old, new in zip(text.splitlines(), path.read_text().splitlines(), strict=True) if old != new
    ]
    assert [new for _, new in changed] == [f'digest = "{digest}"']
    assert bases.choose_base("3.12", path=path).reference == f"docker.io/library/python@{digest}"
    assert bases.choose_base("3.12", path=path, registry="m.example").reference == f"m.example/library/python@{digest}"
    assert bases.choose_base("3.13", path=path).digest == bases.choose_base("3.13").digest
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(BuildRequestError, match=r'\["3.12"\]'):
        bases.replace_digest('["3.12"]\n["3.13"]\ndigest = ""\n', "3.12", digest)


@pytest.mark.parametrize(
    "text", ["x", '["3.12"]\nplatform = 1', '["3.12"]\nplatform="P"\nupstream="A:b"\ndigest=""\nimage="x:1"\n',
             '["3.12"]\nplatform="P"\nupstream="a:b"\ndigest="md5:1"\nimage="x:1"\n'],
)  # fmt: skip
def test_a_table_that_is_wrong(tmp_path: Path, text: str) -> None:
    """A table that cannot be used is an error, not a half of it."""
    (tmp_path / "bases.toml").write_text(text)
    with pytest.raises(BuildRequestError):
        bases.read_catalog(tmp_path / "bases.toml")


def test_the_files_of_a_base_build_are_packaged() -> None:
    """The recipe and its scripts are where the builder looks for them, and the package takes them along."""
    assert bases.find_dockerfile().read_text().startswith("# The base image")
    project = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    assert '"images" = "ovenbird_builder/images"' in project
    assert '"Dockerfile.base" = "ovenbird_builder/images/Dockerfile.base"' in project


@pytest.mark.parametrize(
    ("image", "hint"),
    [
        ("localhost/ovenbird:3.13", "`ovenbird base build 3.13` makes it; `--base` names another"),
        ("localhost/ovenbird:3.13-sdk", "`ovenbird base build 3.13 --flavour sdk` makes it; `--base` names another"),
        ("localhost/mine:3.13", "`--base` names another"),
    ],
)
def test_a_missing_base_has_a_hint_to_build_it(image: str, hint: str) -> None:
    """The hint has the requested version, and exists only for versions of the table."""
    assert bases.suggest_command(image) == hint
