"""`ovenbird base`, with real registries and a real buildah."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import socket
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.builder.troubled import altering, guarded
from tests.engine import REVISION, Images, skopeo
from tests.podman import Podman
from tests.podman import podman as engine

from ovenbird import __version__
from ovenbird_builder.bases import build_base as baseimage
from ovenbird_builder.bases import catalog as bases
from ovenbird_builder.bases import pin_bases as baselock
from ovenbird_builder.bases.probe import inspect_stored, probe_python
from ovenbird_builder.cli import main
from ovenbird_builder.errors import (
    BaseMissingError,
    BuildRequestError,
    DigestError,
    LayerError,
    PackageIndexError,
    ReferenceFormatError,
    RegistryAuthError,
    RegistryError,
    VersionError,
)
from ovenbird_builder.host.process import ProcessFailedError

Make = Callable[..., str]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def call_base(
    container_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Call `ovenbird base`; the JSON that it prints."""
    monkeypatch.setenv("OVENBIRD_CACHE_DIR", str(tmp_path / "cache"))

    def run(*words: str) -> Any:
        capsys.readouterr()
        assert main(["base", *words]) == 0
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("3.12", "--push"), "--push: 'localhost/ovenbird:3.12' has no registry"),
        (("3.12", "--push", "--tag", "base:1"), "--push: 'base:1' has no registry"),
        (("3.12", "3.13", "--tag", "e.com/base:1"), "`--tag` and `--context` name one image"),
        (("3.12", "3.13", "--context", "made"), "`--tag` and `--context` name one image"),
        (("3.12", "--tag", "base:{verson}"), "--tag: 'base:{verson}' is not the name of an image"),
        (("3.12", "--from", "oci:/srv/x"), "--from: 'oci:/srv/x' is not the name of an image"),
    ],
)
def test_flags_are_refused_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    """Not when the image is there: no program can be found, so nothing is started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises((BuildRequestError, ReferenceFormatError)) as caught:
        main(["base", "build", *words])
    assert caught.value.message.startswith(message)
    assert not list(tmp_path.iterdir())


def test_a_version_that_is_named_twice_counts_once(call_base: Callable[..., Any], tmp_path: Path) -> None:
    """By each of its names."""
    (row,) = call_base("build", "3.12", "PYTHON3_12", "3.12", "--context", str(tmp_path / "context"))
    assert row["version"] == "3.12"


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    """A table for people, JSON for programs; both hold every version."""
    assert main(["base", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["VERSION", *bases.read_catalog()]
    assert main(["base", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["version"], row["locked"]) for row in rows] == [(version, True) for version in bases.read_catalog()]


def test_a_base_is_the_same_wherever_it_is_built(
    base_images: Images, registry: str, call_base: Callable[..., Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, container_env: dict[str, str],
) -> None:  # fmt: skip
    """In another store, by a mirror and with an empty cache it has the digest of the one that all tests use. The image
    records its inputs and nothing else.
    """
    built_before = base_images["3.12"]
    result = tmp_path / "result.json"
    words = ("build", "3.12", "--quiet", "--tag", f"{registry}/test/ovenbird:1-{{version}}", "--push")
    storage = tmp_path / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{tmp_path / "graph"}"\nrunroot = "{tmp_path / "run"}"\n'
    )
    with altering(registry, "nothing") as mirror:
        monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
        (row,) = call_base(*words, "--registry", mirror, "--revision", REVISION, "--result-file", str(result))
        monkeypatch.setenv("CONTAINERS_STORAGE_CONF", container_env["CONTAINERS_STORAGE_CONF"])
    subprocess.run(["rm", "-rf", str(tmp_path / "graph")], check=True)  # a store's files are not for everyone to remove
    assert json.loads(result.read_text()) == [row]
    raw = skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{built_before}")
    assert row["pushed"] == "sha256:" + hashlib.sha256(raw.encode()).hexdigest()
    reference = f"docker://{registry}/test/ovenbird@{row['pushed']}"
    manifest = json.loads(skopeo("inspect", "--tls-verify=false", "--raw", reference))
    config = json.loads(skopeo("inspect", "--tls-verify=false", "--config", reference))
    about = {
        "version": __version__,
        "revision": REVISION,
        "created": "1970-01-01T00:00:00Z",
        "base.name": "docker.io/library/python:3.12-slim",
        "base.digest": row["upstream_digest"],
        "licenses": "Apache-2.0",
    }
    for labels in (manifest["annotations"], config["config"]["Labels"]):
        assert {key: labels[f"org.opencontainers.image.{key}"] for key in about} == about
    assert config["config"]["User"] == "8877:999"
    assert config["config"]["Entrypoint"] == ["/opt/ovenbird/bin/ovenbird"]
    assert config["config"]["StopSignal"] == "SIGTERM"
    assert registry.partition(":")[2] not in json.dumps([manifest, config])
    files = read_layer(registry, manifest["layers"][-1]["digest"])
    assert not [path for path in files if path.startswith(("/run/", "/tmp/", "/root/", "/var/"))]
    assert not [path for path in files if re.search(r"/pip(-|/|$)|\.whl$|/context/", path)]
    check_bytecode(files)
    check_records(files)
    interpreter = probe_python(built_before, cache=tmp_path / "cache")
    assert interpreter.runtime == __version__
    assert interpreter.path.index(interpreter.purelib) < interpreter.path.index("/opt/ovenbird/site")


def read_layer(registry: str, layer: str) -> dict[str, bytes]:
    """Return the files of a layer of the built image, as the registry has it, by their path."""
    blob = httpx.get(
        f"http://{registry}/v2/test/ovenbird/blobs/{layer}", timeout=60, trust_env=False, verify=False
    ).content
    files = {}
    with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            files[f"/{member.name}"] = content.read() if content else b""
    return files


def check_bytecode(files: dict[str, bytes]) -> None:
    """Every module has bytecode that is never held against its source, which an image may give any time."""
    compiled = {path: content for path, content in files.items() if path.endswith(".pyc")}
    assert {content[4:8] for content in compiled.values()} == {b"\x01\0\0\0"}  # by hash, unchecked
    folders = {Path(path).parent.parent for path in compiled}
    assert {Path(path).parent for path in files if path.endswith(".py")} <= folders
    assert Path("/usr/local/lib/python3.12/asyncio") in folders
    assert Path("/usr/local/lib/python3.12/idlelib") not in folders


def check_records(files: dict[str, bytes]) -> None:
    """Check that the files match the RECORD of their packages, stripped libraries included."""
    site = "/opt/ovenbird/site/"
    records = [path for path in files if path.startswith(site) and path.endswith(".dist-info/RECORD")]
    assert len(records) > 10
    rows = [row for path in records for row in csv.reader(files[path].decode().splitlines())]
    for name, digest, _ in rows:
        content = files[site + name]
        expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert digest in ("", f"sha256={expected}"), name


@pytest.mark.parametrize(("words", "kind", "problem"), [
    (("build", "2.7"), VersionError, "'2.7'"),
    (("build", "3.12", "--from", "a b"), ReferenceFormatError, "'a b'"),
    (("build", "3.12", "--tag", "Not-A-Name"), ReferenceFormatError, "'Not-A-Name'"),
    (("build", "3.12", "--registry", "http://x"), ReferenceFormatError, "--registry"),
    (("build", "--tag", "x:1"), BuildRequestError, "{version}"),
    (("build", "3.12", "--ca-bundle", "/nothing"), BuildRequestError, "--ca-bundle: cannot read"),
    (("pin", "3.12", "--from", "x:1"), BuildRequestError, "--from"),
])  # fmt: skip
def test_invalid_words_are_refused(
    call_base: Callable[..., Any], words: tuple[str, ...], kind: type[BuildRequestError], problem: str
) -> None:
    """It is refused before anything is fetched."""
    with pytest.raises(kind, match=problem):
        call_base(*words)


def test_an_invalid_source_date_epoch_is_refused(
    call_base: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SOURCE_DATE_EPOCH that does not parse is an error, never the default."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(BuildRequestError, match="'yesterday'"):
        call_base("build", "3.12", "--from", "localhost/nothing:1")


@pytest.mark.parametrize("action", ["build", "lock", "pin"])
def test_an_image_that_is_missing(call_base: Callable[..., Any], registry: str, action: str) -> None:
    """The error names the image and the settings that decide where it is looked up."""
    with pytest.raises(BaseMissingError, match=f"{registry}/nowhere/library/python:3.12-slim") as caught:
        call_base(action, "3.12", "--registry", f"{registry}/nowhere")
    assert "--registry" in caught.value.hint
    assert "--from" in caught.value.hint


def test_an_image_that_the_store_does_not_have(call_base: Callable[..., Any]) -> None:
    """A name below localhost is never looked for in a registry."""
    with pytest.raises(BaseMissingError, match="localhost/nothing:1") as caught:
        call_base("build", "3.12", "--from", "localhost/nothing:1")
    assert "--from" in caught.value.hint


@pytest.mark.parametrize("action", ["build", "pin"])
def test_a_registry_that_is_down(call_base: Callable[..., Any], action: str) -> None:
    """The error says that the registry does not answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound and not listening
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(RegistryError, match="connection refused") as caught:
            call_base(action, "3.12", "--registry", address)
    assert "--registry" in caught.value.hint


@pytest.mark.parametrize("action", ["build", "pin"])
def test_a_registry_that_asks_for_a_password(call_base: Callable[..., Any], tmp_path: Path, action: str) -> None:
    """The error says how to log in."""
    with guarded(tmp_path) as address, pytest.raises(RegistryAuthError, match=address) as caught:
        call_base(action, "3.12", "--registry", address)
    assert "login" in caught.value.hint


@pytest.mark.parametrize("media", ["octet-stream", "manifest"])
def test_a_registry_that_gives_something_else(
    call_base: Callable[..., Any], registry: str, image: Make, tmp_path: Path, media: str
) -> None:
    """A layer or a manifest that does not match its digest never becomes a base."""
    content = hashlib.sha256(str(tmp_path).encode()).hexdigest()  # not in the store, so that it is fetched
    name = image("FROM scratch\nCOPY x /x\n", x=content)
    skopeo(
        "copy", "--quiet", "--dest-tls-verify=false", f"containers-storage:{name}", f"docker://{registry}/tampered:1"
    )
    raw = skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{registry}/tampered:1")
    digest = hashlib.sha256(raw.encode()).hexdigest()
    subprocess.run(["buildah", "rmi", name], check=True, capture_output=True)
    image("FROM scratch\nCOPY x /x\n", x="")  # what the fixture removes at the end
    with altering(registry, media) as address, pytest.raises(DigestError, match=address):
        call_base("build", "3.12", "--from", f"{address}/tampered@sha256:{digest}")


def test_a_lock_whose_files_changed(
    call_base: Callable[..., Any], standins: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """pip refuses a package with another hash by name; no image is tagged."""
    home = tmp_path / "images"
    subprocess.run(["cp", "-r", str(bases.find_catalog_folder()), str(home)], check=True)
    subprocess.run(["cp", str(bases.find_dockerfile()), str(home)], check=True)
    (home / "locks" / "3.11.txt").write_text("idna==3.10 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(bases, "find_catalog_folder", lambda: home)  # as in an installed package
    with pytest.raises(LayerError, match=r"THESE PACKAGES DO NOT MATCH THE HASHES.*: idna==3.10 from .*0000"):
        call_base("build", "3.11", "--quiet", "--from", standins["3.11"], "--tag", "localhost/never:1")
    with pytest.raises(ProcessFailedError):
        inspect_stored("localhost/never:1")


def test_an_index_that_is_not_reached_is_the_cause(call_base: Callable[..., Any], standins: dict[str, str]) -> None:
    """The error names the index, not the package that pip cannot find; its password is not shown."""
    words = ("build", "3.11", "--quiet", "--from", standins["3.11"], "--tag", "localhost/never:1")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://me:secretword@127.0.0.1:{listener.getsockname()[1]}/simple"
        with pytest.raises(PackageIndexError, match=r"cannot be reached: .*refused") as caught:
            call_base(*words, "--index-url", url)
    assert "Python 3.11" in caught.value.message
    assert "--ca-bundle" in str(caught.value.hint)
    assert "secretword" not in str(caught.value)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            'ERROR: Exception:\nTraceback (most recent call last):\n  File "x.py", line 1, in f\n'
            "OSError: [Errno 28] No space left on device: '/opt'\nError: while running runtime",
            "Python 3.11: OSError: [Errno 28] No space left",
        ),
        (
            "ERROR: pip's dependency resolver does not currently take into account all the packages\n"
            "ERROR: No matching distribution found for idna==3.10\nError: while running runtime: exit status 1",
            "Python 3.11: ERROR: No matching distribution found for idna==3.10",
        ),
    ],
)
def test_the_cause_is_reported_and_not_the_first_error(output: str, words: str) -> None:
    """A crash of pip by what was raised; a remark is passed over."""
    error = baseimage.explain_failure(bases.choose_base("3.11"), ProcessFailedError(("buildah", "build"), 1, output))
    assert type(error) is LayerError
    assert words in error.message


def test_a_pin_is_the_digest_of_the_registry(
    call_base: Callable[..., Any],
    standins: dict[str, str],
    registry: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The digest is that of the manifest, bytes for bytes; the table then names it."""
    home = tmp_path / "images"
    home.mkdir()
    (home / "bases.toml").write_text((bases.find_catalog_folder() / "bases.toml").read_text())
    monkeypatch.setattr(bases, "find_catalog_folder", lambda: home)
    raw = skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{standins['3.11']}")
    digest = "sha256:" + hashlib.sha256(raw.encode()).hexdigest()
    (row,) = call_base("pin", "PYTHON3_11", "--registry", registry)
    assert row == {
        "version": "3.11",
        "upstream": "docker.io/library/python:3.11-slim",
        "digest": digest,
        "changed": True,
    }
    assert bases.read_catalog()["3.11"].digest == digest
    (row,) = call_base("pin", "3.11", "--registry", registry)
    assert row["changed"] is False


def test_the_flavour_with_the_sdk(
    call_base: Callable[..., Any], standins: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On an upstream its base comes first. One layer more, a name of its own, and labels that are the annotations too.

    Each lock is of one small package: what all of them are is seen in tests/container.
    """
    home = tmp_path / "images"
    subprocess.run(["cp", "-r", str(bases.find_catalog_folder()), str(home)], check=True)
    subprocess.run(["cp", str(bases.find_dockerfile()), str(bases.find_dockerfile(bases.SDK)), str(home)], check=True)
    small = re.search(r"(?m)^annotated-types==.*\n(?:    .*\n)+", bases.read_runtime_lock("3.11", bases.SDK))
    least = re.search(r"(?m)^idna==.*\n(?:    .*\n)+", bases.read_runtime_lock("3.11"))
    assert small
    assert least
    (home / "locks" / "3.11-sdk.txt").write_text(small[0])
    (home / "locks" / "3.11.txt").write_text(least[0])
    monkeypatch.setattr(bases, "find_catalog_folder", lambda: home)
    (row,) = call_base("build", "3.11", "--quiet", "--flavour", "sdk", "--from", standins["3.11"])
    assert row["image"] == "localhost/ovenbird:3.11-sdk"
    plain, extended = (json.loads(inspect_image(name)) for name in ("localhost/ovenbird:3.11", row["image"]))
    subprocess.run(["buildah", "rmi", row["image"], "localhost/ovenbird:3.11"], check=True, capture_output=True)
    assert row["digest"] == extended["FromImageDigest"]
    below, layers = plain["OCIv1"]["rootfs"]["diff_ids"], extended["OCIv1"]["rootfs"]["diff_ids"]
    assert (layers[:-1], len(layers)) == (below, len(below) + 1)
    labels = plain["OCIv1"]["config"]["Labels"]
    labels |= {"org.opencontainers.image.title": "Ovenbird base with the platform's SDK"}
    assert extended["OCIv1"]["config"]["Labels"] == labels
    assert labels["org.opencontainers.image.base.name"] == standins["3.11"]
    assert extended["ImageAnnotations"] == {name: text for name, text in labels.items() if text}
    assert extended["OCIv1"]["config"]["User"] == "8877:999"


def test_a_context_of_the_flavour_for_docker(call_base: Callable[..., Any], tmp_path: Path) -> None:
    """The lock of the SDK as it stands, the scripts, and the tools that build what has no wheel."""
    call_base("build", "3.13", "--flavour", "sdk", "--context", str(tmp_path / "context"))
    names = {path.name for path in (tmp_path / "context").iterdir()}
    assert names == {"Dockerfile", "sdk.txt", "stage.py", "elf.py", "stage_sdk.py", "tools"}
    assert (tmp_path / "context" / "sdk.txt").read_text() == bases.read_runtime_lock("3.13", bases.SDK)
    assert "setuptools" in {path.name for path in (tmp_path / "context" / "tools").iterdir()}


def test_a_context_for_docker(call_base: Callable[..., Any], tmp_path: Path) -> None:
    """A folder with all that a plain `docker build` needs; one that is not empty is left alone."""
    (row,) = call_base("build", "3.13", "--context", str(tmp_path / "context"))
    names = {path.name for path in (tmp_path / "context").iterdir()}
    assert {"Dockerfile", "requirements.txt", "stage.py", "elf.py", "launcher.txt", "bash_env.sh", "tools"} < names
    wheel = next((tmp_path / "context").glob("ovenbird-*.whl"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert f"--hash=sha256:{digest}" in (tmp_path / "context" / "requirements.txt").read_text()
    assert row["context"] == str(tmp_path / "context")
    with pytest.raises(BuildRequestError, match="not empty"):
        call_base("build", "3.13", "--context", str(tmp_path / "context"))


def test_a_lock_from_an_index_of_the_site(
    call_base: Callable[..., Any], standins: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only the configured index is used; one that is down is reported without its password."""
    monkeypatch.setattr(baselock, "list_runtime_requirements", lambda: ["idna"])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://me:secretword@127.0.0.1:{listener.getsockname()[1]}/simple"
        with pytest.raises(PackageIndexError) as caught:
            call_base("lock", "3.11", "--from", standins["3.11"], "--index-url", url)
    assert "secretword" not in str(caught.value)
    assert "--index-url" in caught.value.hint


def test_a_lock_holds_every_file_of_its_packages(
    call_base: Callable[..., Any], standins: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each version's own markers decide what is in its lock; every pin has hashes, and no address is in it."""
    home = tmp_path / "images"
    subprocess.run(["cp", "-r", str(bases.find_catalog_folder()), str(home)], check=True)
    monkeypatch.setattr(bases, "find_catalog_folder", lambda: home)
    requirements = ["idna>=3", "exceptiongroup>=1; python_version < '3.11'"]
    monkeypatch.setattr(baselock, "list_runtime_requirements", lambda: requirements)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the caller's pip is not asked
    for version, names in (("3.10", ["exceptiongroup", "idna", "typing-extensions"]), ("3.11", ["idna"])):
        (row,) = call_base("lock", version, "--from", standins[version])
        text = Path(row["lock"]).read_text()
        assert row["changed"] is True
        assert re.findall(r"^([a-z-]+)==", text, re.MULTILINE) == names
        assert text.count("--hash=sha256:") >= len(names)
        assert text.startswith(f"# What the runtime needs under Python {version},")
        assert "# via ovenbird" in text
        assert "://" not in text


def test_keep_going_builds_the_available_versions(
    call_base: Callable[..., Any],
    standins: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    podman: Podman,
    tmp_path: Path,
) -> None:
    """`--keep-going` builds the available versions and says why others failed; with none it is an error.

    In Docker's format the image has a health check.
    """
    prefix = standins["3.11"].removesuffix("3.11-slim")
    name = "localhost/ovenbird-at-hand:{version}"
    words = ["base", "build", "3.11", "3.12", "--quiet", "--keep-going", "--format", "docker", "--tag", name]
    upstream = {"3.11": f"{prefix}3.11-slim", "3.12": f"{prefix}nothing"}
    choose_base = bases.choose_base
    monkeypatch.setattr(
        bases, "choose_base", lambda version, **_: choose_base(version, image=upstream[version])
    )  # a table whose second row leads nowhere
    assert main(words) == 0
    output = capsys.readouterr()
    (row,) = json.loads(output.out)
    assert row["version"] == "3.11"
    assert "Python 3.11: built localhost/ovenbird-at-hand:3.11" in output.err
    assert "Python 3.12: not built: there is no image" in output.err
    docker = json.loads(json.loads(inspect_image(row["image"]))["Config"])
    assert docker["config"]["Healthcheck"]["Test"] == ["CMD", "/opt/ovenbird/bin/ovenbird", "health"]
    check_health(podman, row["image"], tmp_path / "shared")
    podman.close()
    subprocess.run(["buildah", "rmi", row["image"]], check=True, capture_output=True)
    with pytest.raises(BaseMissingError):
        main([*words[:2], "3.12", *words[4:]])


WAITING = """
import pathlib, time

def init():
    while not pathlib.Path("/tmp/go").exists():
        time.sleep(0.02)

def handler(): ...
"""


def check_health(podman: Podman, image: str, folder: Path) -> None:
    """Check that the health check of an image distinguishes ready services from others."""
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "main.py").write_text(WAITING)
    service = podman.start(image, "serve", "main.py", flags=("--volume", f"{folder}:/shared:ro")).wait_ready("/_/live")
    check = ("healthcheck", "run", service.name)
    assert engine(*check, check=False).returncode == 1
    assert service.exec("touch", "/tmp/go").returncode == 0
    service.wait_ready()
    assert engine(*check, check=False).returncode == 0


def inspect_image(image: str) -> str:
    """Return the output of `buildah inspect` for an image."""
    command = ["buildah", "inspect", "--type=image", image]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
