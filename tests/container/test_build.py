"""From source to a running container: every Python at hand, a registry, an empty store, a network that is off."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.builds import Builds
from tests.disks import disk
from tests.engine import AVAILABLE, OUTER, Images, skopeo
from tests.orchard import project
from tests.podman import Podman

from ovenbird.function_document import read
from ovenbird_builder.locking.lock_format import Pin, make_lock
from ovenbird_builder.locking.lockfile import make_header
from ovenbird_builder.locking.requirements import collect_requirements
from ovenbird_builder.locking.wheel_tags import assume_interpreter
from ovenbird_builder.request.build_request import detect_platform

pytestmark = pytest.mark.timeout(600)
VERSION = AVAILABLE[-1]
SOURCE = """
import sys
import six

def handler(name: str = "you"):
    return f"{name}: {six.__version__} on {sys.version_info[0]}.{sys.version_info[1]}"
"""
DOCUMENT = """
# what it is
kind: python
name: greeter
spec:
  source: {source: main.py, handler: handler}
  requirements: ["six==1.16.0"]
"""


@pytest.fixture
def builds(tmp_path: Path, build_cache: Path, container_env: dict[str, str]) -> Builds:
    builds = Builds(tmp_path, cache=build_cache)
    builds.write(main__py=SOURCE, function__yaml=DOCUMENT)
    return builds


@pytest.fixture
def tag(registry: str) -> str:
    return f"{registry}/build/{uuid.uuid4().hex}:1"


@pytest.fixture
def make_store(tmp_path: Path, container_env: dict[str, str]) -> Iterator[Callable[[str], dict[str, str]]]:
    """Further stores that are empty: `own_store("name")` is the environment to use one."""
    environs: list[dict[str, str]] = []

    def make(name: str) -> dict[str, str]:
        conf = tmp_path / f"{name}.conf"
        folder = tmp_path / name
        conf.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n')
        environs.append({"CONTAINERS_STORAGE_CONF": str(conf)})
        return environs[-1]

    yield make
    for env in environs:
        environ = {**os.environ, **env}
        subprocess.run(["buildah", "rm", "--all"], env=environ, capture_output=True, check=False)
        subprocess.run(["buildah", "rmi", "--all", "--force"], env=environ, capture_output=True, check=False)


def list_layers(document: dict[str, Any], hit: bool) -> list[str]:
    return [layer["name"] for layer in document["layers"] if layer["hit"] is hit]


def list_containers(**env: str) -> list[str]:
    process = subprocess.run(
        ["buildah", "containers", "--json"], env={**os.environ, **env}, capture_output=True, check=True
    )
    return [row["containername"] for row in json.loads(process.stdout or b"[]") or []]


def list_stored(name: str) -> set[str]:
    """Return the images of the store that have a name, by name and tag."""
    argv = ["buildah", "images", "--json", f"--filter=reference={name}"]
    process = subprocess.run(argv, capture_output=True, check=True)
    return {name for row in json.loads(process.stdout or b"[]") or [] for name in row["names"]}


@pytest.mark.parametrize("version", OUTER)
def test_an_image_runs_as_job_and_as_service(
    version: str, builds: Builds, base_images: Images, tag: str, podman: Podman
) -> None:
    """Built, pushed, pulled from the registry, run: nothing is fetched or installed at the start.

    The Pythons between are those of the images in test_launch, test_slim and test_default_base.
    """
    document = builds.ok("--base", base_images[version], "--python", version, "--tag", tag, "--push")
    assert document["digest"] == json.loads(skopeo("inspect", f"docker://{tag}"))["Digest"]
    assert list_layers(document, False)[-1] == "function document"
    job = podman.run(tag, "run", "--param", "name=ann", flags=("--network=none",))
    assert job.returncode == 0, job.stderr
    assert f"ann: 1.16.0 on {version}" in job.stderr + job.stdout
    service = podman.start(tag).wait_ready()
    assert service.call({"name": "bob"}).text == f"bob: 1.16.0 on {version}"
    assert service.stop() == 0


def test_an_unchanged_build_ends_before_any_work(builds: Builds, base_images: Images, tag: str) -> None:
    """The registry has the predicted digest: no layer is written, and nothing is pushed."""
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", tag, "--push")
    first = builds.ok(*words)
    before = {path: path.stat().st_mtime_ns for path in (builds.cache / "blobs").rglob("*") if path.is_file()}
    second = builds.ok(*words)
    assert (first["changed"], second["changed"], second["digest"]) == (True, False, first["digest"])
    assert list_layers(second, False) == []
    assert {path: path.stat().st_mtime_ns for path in (builds.cache / "blobs").rglob("*") if path.is_file()} == before


def test_a_new_source_changes_only_its_layer_and_the_document(builds: Builds, base_images: Images, tag: str) -> None:
    """`--explain` gives the reason for each layer."""
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", tag, "--push", "--explain")
    builds.ok(*words)
    builds.write(main__py=SOURCE + "# changed\n")
    result = builds.run(*words)
    assert result.status == 0, result.err
    assert list_layers(json.loads(result.out), False) == ["source", "function document"]
    assert "dependencies 'six 1.16.0': cached" in result.err
    assert "source 'source': made again: source was " in result.err
    assert "; changed: 'main.py'" in result.err
    builds.write(extra__py="")
    (builds.source / "node_modules").mkdir()
    other = [word if word != tag else f"{tag}-of-another-commit" for word in words]
    result = builds.run(*other)
    assert result.status == 0, result.err
    assert "; added: 'extra.py'" in result.err
    assert "left out ('node_modules/', default): 'node_modules/'" in result.err


def test_a_build_in_its_source_folder_does_not_pack_its_outputs(builds: Builds, base_images: Images, tag: str) -> None:
    """As the page for CI has it, cache and result lie in the working folder: the second build finds nothing changed.

    Nor does it matter under which names images, statements, results and a bundle of earlier calls lie there.
    """
    source = builds.source
    shutil.copytree(builds.cache, source / ".ovenbird-cache", symlinks=True, copy_function=os.link)
    builds.cache = source / ".ovenbird-cache"
    base = ("--base", base_images[VERSION], "--python", VERSION)
    words = (*base, "--tag", tag, "--push", "--result-file", "result.json")
    first, result = builds.ok(*words), builds.run(*words)
    second = json.loads(result.out)
    assert (first["changed"], second["changed"], second["digest"]) == (True, False, first["digest"])
    assert f"nothing changed: {tag}@{first['digest']}" in result.err
    for kind in ("oci", "oci-archive", "docker-archive"):
        builds.ok(*words, "--output", f"{kind}:{kind}.x")
    assert builds.run(*base, "--out", "app.x", verb="bundle").status == 0
    (source / "result.json").rename(source / "sub.result")
    assert {path.name for path in source.iterdir()} >= {"oci.x", "oci-archive.x.sbom.cdx.json", "app.x", "sub.result"}
    third = builds.ok(*words)
    assert (third["changed"], third["digest"]) == (False, first["digest"])
    assert third["source"] == first["source"]


def test_code_that_a_monorepo_shares(builds: Builds, base_images: Images, tag: str, podman: Podman) -> None:
    """A library of the same repository as a requirement, and modules of it where the source's root is the repository.

    An unchanged build finds nothing changed; a change of the library is one.
    """
    top = builds.source
    for name, text in {
        **{f"libs/common/{name}": text for name, text in project("common-lib", "1.0").items()},
        ".git/HEAD": "ref: refs/heads/main\n",
        "libs/words.py": "GREETING = 'hello'\n",
        "services/other/big.py": "x" * 1000,
        "services/greet/main.py": "from common_lib import VERSION\nfrom libs.words import GREETING\n"
        "def handler():\n    return f'{GREETING} {VERSION}'\n",
        "services/greet/function.yaml": "kind: python\nname: greet\nspec:\n  source: {root: ../.., source: main.py,"
        " handler: handler, include: [services/greet, libs/words.py]}\n  requirements: [../../libs/common]\n",
    }.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    builds.source = top / "services/greet"
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", tag, "--push")
    document, again = builds.ok(*words), builds.ok(*words)
    assert (again["digest"], again["changed"]) == (document["digest"], False)
    job = podman.run(tag, "run", flags=("--network=none",))
    assert job.returncode == 0, job.stderr
    assert "hello 1.0" in job.stderr + job.stdout
    files = podman.run(tag, "-c", "find /shared -type f", flags=("--entrypoint=/bin/sh",)).stdout.split()
    assert set(files) == {"/shared/services/greet/main.py", "/shared/libs/words.py"}
    for name, text in project("common-lib", "1.1").items():
        (top / "libs/common" / name).write_text(text)
    assert builds.ok(*words)["digest"] != document["digest"]


def test_two_machines_make_the_same_digest(
    builds: Builds, standins: Images, tmp_path: Path, make_store: Callable[[str], Any]
) -> None:
    """Another cache, another store, another folder, umask and time zone: the same image, bit for bit.

    A plain base has every kind of layer, the runtime's too; for a base of ours see the test of a bundle.
    """
    words = ("--base", standins[VERSION], "--python", VERSION, "--output", f"oci:{tmp_path / 'image'}")
    first = builds.ok(*words)
    elsewhere = Builds(
        tmp_path / "there", source=tmp_path / "there" / "elsewhere", **make_store("store"), TZ="Asia/Tokyo"
    )
    elsewhere.write(main__py=SOURCE, function__yaml=DOCUMENT)
    second = elsewhere.ok(*words, prefix=("sh", "-c", 'umask 077; exec "$@"', "sh"))
    assert second["digest"] == first["digest"]
    assert list_layers(second, True) == []


def test_the_runtime_is_added_to_a_plain_base(builds: Builds, standins: Images, tag: str, podman: Podman) -> None:
    """Any image with a Python works; it then runs as one of our base images."""
    builds.ok("--base", standins[VERSION], "--python", VERSION, "--tag", tag, "--push")
    service = podman.start(tag).wait_ready()
    assert service.call({"name": "eve"}).text == f"eve: 1.16.0 on {VERSION}"
    assert service.exec("id", "-u").stdout.strip() == "8877"


def test_a_file_patched_by_an_instruction_is_run(
    builds: Builds, base_images: Images, tag: str, podman: Podman, tmp_path: Path
) -> None:
    """Neither the bytecode of the wheel's layer nor that of an earlier instruction stands for the file before.

    A deleted module is gone with its bytecode, and a file whose mode alone was changed keeps its own.
    """
    document = """
kind: python
name: greeter
spec:
  source: {source: main.py, handler: handler}
  requirements: ["six==1.16.0"]
  instructions:
    - {run: "mkdir /opt/e && echo 'v = 1' > /opt/e/early.py && python3 -m compileall -q /opt/e", after: base}
    - {run: "sed -i 's/1/2/' /opt/e/early.py", after: base}
    - {run: "f=$(python3 -c 'import six; print(six.__file__)'); sed -i 's/1.16.0/7.77.7/' $f", after: dependencies}
    - {run: "f=$(python3 -c 'import json.tool; print(json.tool.__file__)'); rm $f", after: dependencies}
    - {run: "chmod 600 $(python3 -c 'import json.decoder as d; print(d.__file__)')", after: source}
"""
    source = """
import importlib.util, json.decoder, os, sys
sys.path.append("/opt/e")
import early, six

def handler():
    spec = importlib.util.find_spec("json.decoder")
    folder = os.path.dirname(spec.cached)
    left = [name for name in os.listdir(folder) if name.startswith("tool.")] if os.path.isdir(folder) else []
    return [six.__version__, early.v, importlib.util.find_spec("json.tool") is None, left]
"""
    builds.write(main__py=source, function__yaml=document)
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", tag, "--push")
    builds.ok(*words)
    job = podman.run(tag, "run", flags=("--network=none", "--user=0"))
    assert job.returncode == 0, job.stderr
    assert '["7.77.7",2,true,[]]' in job.stdout.replace(" ", "")
    assert list_layers(builds.ok(*words), False) == []


def test_an_image_that_cannot_be_loaded_is_not_published(builds: Builds, base_images: Images, tag: str) -> None:
    """The output of the check is told, with a status of its own; without it the image is pushed.

    The module is imported, as the image's user and without a network; init and handler are not called. An image that
    passed is not checked again.
    """
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", tag, "--push")
    builds.write(main__py="import os\nprint('before', os.getuid())\nimport nowhere\n\ndef handler(): ...\n")
    result = builds.run(*words)
    assert (result.status, result.error["code"]) == (56, "build.check")
    assert "No module named 'nowhere'" in result.error["message"]
    assert "before 8877" in result.error["traceback"]
    assert subprocess.run(["skopeo", "inspect", f"docker://{tag}"], capture_output=True, check=False).returncode
    assert builds.ok(*words, "--no-check")["changed"]
    builds.write(main__py="import os\nos._exit(0)\n\ndef handler(): ...\n")
    result = builds.run(*words)
    assert (result.status, result.error["code"]) == (56, "build.check")
    assert "the process ended with status 0 while the module was imported" in result.error["message"]
    code = "import socket\n\ndef init(context): 1 / 0\n\ndef handler(): 1 / 0\n"
    net = "assert [n for _, n in socket.if_nameindex()] == ['lo']\n"
    builds.write(main__py=code + net)
    first = builds.run(*words)
    assert first.status == 0, first.err
    assert "> check" in first.err
    assert "> check" not in builds.run(*words).err
    assert list_containers() == []


def test_an_edited_function_is_loaded_without_an_engine(builds: Builds, base_images: Images, tmp_path: Path) -> None:
    """On the layers of the store, in a root of its own: as the image's user, with no network and no rights.

    What it writes is gone, and nothing of this machine is seen. A large layer that no output brings to the store is
    kept there, in place of the one of an earlier check.
    """
    (tmp_path / "bin").mkdir()
    program, log = tmp_path / "bin" / "buildah", tmp_path / "verbs"
    program.write_text(f'#!/bin/sh\necho "$1" >> {log}\nexec {shutil.which("buildah")} "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    words = ("--base", base_images[VERSION], "--python", VERSION, "--output", f"oci:{tmp_path / 'image'}")
    large = "\n  instructions:\n    - {run: head -c 20000000 /dev/urandom > /opt/large, after: base}\n"
    builds.write(function__yaml=DOCUMENT + large.replace("large", "larger"))
    builds.ok(*words)
    names = list_stored("localhost/ovenbird-base")
    builds.write(function__yaml=DOCUMENT + large)
    builds.ok(*words)
    assert (
        len(list_stored("localhost/ovenbird-base") - names) == len(names - list_stored("localhost/ovenbird-base")) == 1
    )
    code = f"""
import os, pathlib, socket, tempfile
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
assert (os.getuid(), os.getgid(), os.getgroups()) == (8877, 999, []), (os.getuid(), os.getgid(), os.getgroups())
assert not int(status["CapEff"], 16) and not int(status["CapPrm"], 16) and int(status["NoNewPrivs"])
assert [name for _, name in socket.if_nameindex()] == ["lo"]
assert not os.path.exists({str(tmp_path)!r}) and {str(tmp_path)!r} not in open("/proc/self/mountinfo").read()
assert [name for name in os.listdir("/proc") if name.isdigit()] == [str(os.getpid())]
assert os.environ["PATH"] and os.path.isdir(os.environ["HOME"]) and os.getcwd() == "/shared"
tempfile.mkdtemp()
pathlib.Path("/shared/written").write_text(pathlib.Path("/dev/null").read_text())
import six
assert six.__version__ == "1.16.0"
"""
    builds.write(main__py=SOURCE + code)
    result = builds.run(*words, PATH=path)
    assert result.status == 0, result.err
    assert "> check" in result.err
    verbs = log.read_text().split() if log.exists() else []
    assert not {"from", "run"} & set(verbs), result.err
    assert not list((builds.cache / "tmp").iterdir())
    builds.write(main__py=SOURCE + "1 / 0\n")
    result = builds.run(*words, PATH=path)
    assert (result.status, result.error["code"]) == (56, "build.check")
    assert {"from", "run"} <= set(log.read_text().split())  # who says no is the engine


def test_faults_of_the_source_are_refused_before_locking(builds: Builds, base_images: Images, tmp_path: Path) -> None:
    """By the Python of the image: a syntax error, a missing handler, a file that hides a module."""
    words = ("--base", base_images[VERSION], "--python", VERSION, "--output", f"oci:{tmp_path / 'image'}")
    builds.write(function__yaml=DOCUMENT.replace("six==1.16.0", "no-such-package-anywhere==1"))
    builds.write(main__py="def handler() return 1\n")
    assert builds.run(*words).error["code"] == "build.source.syntax"
    builds.write(main__py="def handelr(): ...\n")
    assert builds.run(*words).error["code"] == "build.source.handler"
    builds.write(main__py="def handler(): ...\n", wave__py="")
    assert builds.run(*words).error["code"] == "build.source.shadow"
    assert not (tmp_path / "image").exists()


INSTRUCTIONS = """
  instructions:
    - echo base > /opt/base.txt; mkdir /opt/d; ln /opt/base.txt /opt/d/link; rm /etc/hostname || true
    - run: python3 -c "import six; open('/opt/six.txt', 'w').write(six.__version__)"
      after: dependencies
    - run: cat /run/secrets/token; wc -c < /run/secrets/token > /opt/size.txt; python3 -c "import main"
      after: source
      secrets: [token]
      network: false
    - test "$(ls /shared/*.py)" = /shared/main.py
"""


def test_instructions_run_in_order_and_leave_no_secret(
    builds: Builds, base_images: Images, tag: str, podman: Podman
) -> None:
    """Each sees the layers below it; a secret exists only while it runs, and is in no layer, log or history."""
    builds.write(function__yaml=DOCUMENT + INSTRUCTIONS)
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", tag, "--push", "--secret", "token=TOKEN")
    result = builds.run(*words, TOKEN="hunter2hunter2")
    assert result.status == 0, result.err
    assert "hunter2" not in result.err + result.out
    assert "  | ***" in result.err
    document = json.loads(result.out)
    assert any("4 instruction(s)" in line for line in document["warnings"])
    assert any("names /shared" in line for line in document["warnings"])
    shell = "cat /opt/base.txt /opt/d/link /opt/six.txt /opt/size.txt; ls /run/secrets /run/ovenbird"
    ran = podman.run(tag, "-c", shell, flags=("--entrypoint=/bin/sh", "--network=none"))
    assert ran.stdout == "base\nbase\n1.16.014\n"
    for path in (builds.cache / "blobs" / "sha256").iterdir():
        assert b"hunter2" not in path.read_bytes()
    assert list_layers(builds.ok(*words, TOKEN="hunter2hunter2"), False) == []
    again = list_layers(builds.ok(*words, TOKEN="another value"), False)
    assert again[0].partition(";")[0] == "cat /run/secrets/token"
    assert list_containers() == []


def test_an_instruction_without_network_has_no_interface(builds: Builds, base_images: Images) -> None:
    """Also where the isolation does not see to it: no interface but the loopback is there."""
    text = "test \"$(cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' \\n')\" = lo"
    words = ("--base", base_images[VERSION], "--python", VERSION, "--output", f"oci-archive:{builds.source}/x")
    with_network = builds.run(*words, "--instruction", json.dumps({"run": text}))
    assert with_network.error["code"] == "build.layer.instruction"
    builds.ok(*words, "--instruction", json.dumps({"run": text, "network": False}))


@pytest.mark.parametrize(
    ("instruction", "words", "status", "text"),
    [
        ("echo to see; echo the reason >&2; exit 3", (), 51, "ended with status 3"),
        ("sleep 100 & sleep 100", ("--timeout", "2s"), 52, "time limit of 2 s"),
        ("no-such-program", (), 51, "ended with status 127"),
    ],
)
def test_a_failing_instruction_is_reported_with_the_end_of_its_output(
    builds: Builds, base_images: Images, instruction: str, words: tuple[str, ...], status: int, text: str
) -> None:
    """Nothing of it is kept: neither a layer nor a container."""
    result = builds.run(
        "--base", base_images[VERSION], "--python", VERSION, "--output", f"oci:{builds.source}/y",
        "--instruction", instruction, *words,
    )  # fmt: skip
    assert (result.status, text in result.error["message"]) == (status, True)
    if status == 51 and "reason" in instruction:
        assert "to see" in result.error["traceback"]
        assert "the reason" in result.error["traceback"]
    assert list_containers() == []
    assert not (builds.source / "y").exists()


def test_an_instruction_may_print_much(builds: Builds, base_images: Images) -> None:
    """40 MB of it go by, and the builder does not grow with them."""
    text = "head -c 40000000 /dev/zero | tr '\\0' x | fold -w 1000; exit 1"
    child = builds.start("--base", base_images[VERSION], "--python", VERSION, "--instruction", text)
    assert child.stderr
    last, number, peaks = "", 0, []
    for line in child.stderr:
        last = line
        if line.startswith("  | x"):
            number += 1
            if number % 1000 == 0:
                peaks.append(_read_peak(child.pid))
    child.communicate()
    assert json.loads(last)["code"] == "build.layer.instruction"
    assert len(peaks) > 30
    assert peaks[-1] - peaks[0] < 20_000


def _read_peak(pid: int) -> int:
    """Return the peak memory of a process in KiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0])


def test_a_platform_that_is_not_this_machines_is_assembled(
    builds: Builds, standins: Images, registry: str, tag: str, tmp_path: Path
) -> None:
    """An index of both, the other one from wheels alone: no program of it is started."""
    both = f"{registry}/build/both-{uuid.uuid4().hex}:1"
    _write_index(standins[VERSION], both, tmp_path)
    words = ("--base", both, "--python", VERSION, "--tag", tag, "--push", "--platform", "linux/amd64,linux/arm64")
    document = builds.ok(*words)
    index = json.loads(skopeo("inspect", "--raw", f"docker://{tag}"))
    assert [row["platform"]["architecture"] for row in index["manifests"]] == ["amd64", "arm64"]
    assert {row["digest"] for row in index["manifests"]} == {platform["digest"] for platform in document["platforms"]}
    assert builds.ok(*words)["changed"] is False


def _write_index(image: str, name: str, folder: Path) -> None:
    """Write an index of an image and of a copy for arm64."""
    skopeo("copy", "--quiet", f"docker://{image}", f"oci:{folder / 'base'}:a")
    blobs = folder / "base" / "blobs" / "sha256"
    top = json.loads((folder / "base" / "index.json").read_text())
    row = top["manifests"][0]
    manifest = json.loads((blobs / row["digest"][7:]).read_bytes())
    config = json.loads((blobs / manifest["config"]["digest"][7:]).read_bytes())
    manifest["config"] |= _put(blobs, config | {"architecture": "arm64"})
    other = {**row, **_put(blobs, manifest), "platform": {"os": "linux", "architecture": "arm64"}}
    first = {**row, "platform": {"os": "linux", "architecture": "amd64"}}
    for entry in (first, other):
        entry.pop("annotations", None)
    media = "application/vnd.oci.image.index.v1+json"
    index = _put(blobs, {"schemaVersion": 2, "mediaType": media, "manifests": [first, other]})
    top["manifests"] = [{"mediaType": media, **index, "annotations": {"org.opencontainers.image.ref.name": "both"}}]
    (folder / "base" / "index.json").write_text(json.dumps(top))
    skopeo("copy", "--quiet", "--all", f"oci:{folder / 'base'}:both", f"docker://{name}")


def _put(blobs: Path, value: dict[str, Any]) -> dict[str, Any]:
    import hashlib

    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
def test_an_image_is_written_to_a_file(kind: str, builds: Builds, base_images: Images, tmp_path: Path) -> None:
    """With its name in it; a second one takes its place, and a folder of something else is left alone."""
    folder = tmp_path / "out"
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", "shop:1", "--output", f"{kind}:{folder}")
    document = builds.ok(*words)
    raw = json.loads(skopeo("inspect", f"{kind}:{folder}"))
    assert raw["Labels"]["org.opencontainers.image.title"] == "greeter"
    if kind != "docker-archive":
        assert raw["Digest"] == document["digest"]
    builds.write(main__py=SOURCE + "# changed\n")
    assert builds.ok(*words)["digest"] != document["digest"]
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    if kind == "oci":
        result = builds.run(*words[:-1], f"oci:{tmp_path / 'mine'}")
        assert (result.status, (tmp_path / "mine" / "thesis.txt").read_text()) == (20, "years of work")


def test_the_image_is_written_back_and_changes_nothing(builds: Builds, base_images: Images, tag: str) -> None:
    """`spec.image` is what was pushed, by its digest; the next build is the same one."""
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", tag, "--push", "--write-back")
    document = builds.ok(*words)
    text = (builds.source / "function.yaml").read_text()
    assert text == DOCUMENT.replace("spec:\n", f"spec:\n  image: {tag}@{document['digest']}\n")
    again = builds.ok(*words)
    assert (again["digest"], again["changed"]) == (document["digest"], False)
    assert (builds.source / "function.yaml").read_text() == text


def test_a_dry_run_prints_the_plan_and_makes_nothing(builds: Builds, base_images: Images, tag: str) -> None:
    """The layers with their keys, what would run, and the digest once all layers are there.

    Wheels that are not in the cache are not fetched, no instruction runs, and no secret in one is shown.
    """
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", tag, "--push")
    builds.write(main__py=SOURCE + f"# {tag}\n")
    function, lock = read(builds.source / "function.yaml"), builds.source / "function.lock"
    head = make_header(
        collect_requirements(function, builds.source),
        assume_interpreter(VERSION, detect_platform(), "glibc 2.17"),
        "pip-tools",
    )
    lock.write_text(make_lock((Pin("six", "1.16.0", ("sha256:" + "1" * 64,)),), head).text)
    value, token = "s3cret-of-mine", "ghp" + "_" + "a1B2" * 9
    result = builds.run(
        *words, "--dry-run", "--explain", "--index-url", "http://127.0.0.1:9/simple", "--secret", "mine=VALUE",
        "--instruction", f"false {'x' * 40} {value} {token} https://me:pass-word@host/x", VALUE=value,
    )  # fmt: skip
    assert result.status == 0, result.err
    (plan,) = json.loads(result.out)["platforms"]
    instruction, packages = plan["steps"][:2]
    assert instruction["name"] == f"false {'x' * 40} *** *** https://host/x"
    assert (packages["name"], packages["key"]) == ("1 packages, of which 1 have to be fetched: six 1.16.0", "")
    assert plan["digest"] == ""
    for text in (value[:6], token[:8], "pass-word"):
        assert text not in result.out + result.err
    lock.unlink()
    before = len(list((builds.cache / "blobs" / "sha256").iterdir())) if builds.cache.joinpath("blobs").exists() else 0
    (plan,) = builds.ok(*words, "--dry-run")["platforms"]
    assert [step["kind"] for step in plan["steps"]][-2:] == ["source", "document"]
    assert (plan["digest"], plan["steps"][-1]["cached"]) == ("", False)
    document = builds.ok(*words)
    (plan,) = builds.ok(*words, "--dry-run")["platforms"]
    assert plan["digest"] == document["digest"]
    assert before < len(list((builds.cache / "blobs" / "sha256").iterdir()))


def test_a_dry_run_says_which_instructions_it_leaves_out(builds: Builds, base_images: Images) -> None:
    """A requirement may need what an instruction brings: the dry run names the reason, and what it locks is not kept.

    Once the layer of the instruction is in the cache, a dry run resolves on it as a build does.
    """
    mark = f"/opt/{uuid.uuid4().hex}"
    words = ("--base", base_images[VERSION], "--python", VERSION, "--requirement", "plum @ ./plum")
    words += ("--instruction", json.dumps({"run": f"touch {mark}", "after": "base"}))
    setup = f"import os\nfrom setuptools import setup\nmarked = os.path.exists({mark!r})\n"
    install = "setup(name='plum', version='2.0' if marked else '1.0', py_modules=['plum'])\n"
    (builds.source / "plum").mkdir()
    (builds.source / "plum" / "plum.py").write_text("v = 1\n")
    note = "this dry run has not run 1 instruction(s) that a build runs before it resolves dependencies"
    (builds.source / "plum" / "setup.py").write_text(setup + "assert marked\n" + install)
    assert builds.run(*words, "--dry-run").error["hint"].endswith(note)
    (builds.source / "plum" / "setup.py").write_text(setup + install)
    result = builds.run(*words, "--dry-run")
    assert result.status == 0, result.err
    assert f"note: {note}" in result.err
    built = builds.ok(*words)
    assert "plum 2.0" in str(built["layers"])
    result = builds.run(*words, "--dry-run")
    assert result.status == 0, result.err
    assert note not in result.err
    assert json.loads(result.out)["platforms"][0]["digest"] == built["digest"]


def test_a_bundle_builds_with_the_network_off(
    builds: Builds, base_images: Images, tmp_path: Path, make_store: Callable[[str], Any], podman: Podman
) -> None:
    """On another machine, in a network namespace without interfaces: the same digest."""
    words = ("--base", base_images[VERSION], "--python", VERSION)
    builds.ok(*words, "-o", str(tmp_path / "b.tar"), verb="bundle")
    with (tmp_path / "stdout.tar").open("wb") as stdout:
        command = builds.command("bundle", *words, "-o", "-")
        subprocess.run(command, cwd=builds.source, env=builds.environ(), stdout=stdout, check=True)
    assert (tmp_path / "stdout.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    image = builds.ok(*words, "--output", f"oci:{tmp_path / 'here'}")
    elsewhere = Builds(tmp_path / "there", **make_store("store"))
    off = ("unshare", "--net", "--")
    built = elsewhere.ok(
        str(tmp_path / "b.tar"), "--offline", "--output", f"oci:{tmp_path / 'there' / 'out'}", prefix=off
    )
    assert built["digest"] == image["digest"]
    builds.write(main__py=SOURCE + "# newer\n")
    third = Builds(tmp_path / "third", source=builds.source, **make_store("third"))
    options = ("--offline", "--bundle", str(tmp_path / "b.tar"), "--output", f"oci:{tmp_path / 'third' / 'out'}")
    assert third.ok(*words, *options, prefix=off)["digest"] not in (built["digest"], "")


def test_offline_without_a_bundle_names_the_missing_base(builds: Builds, registry: str, tmp_path: Path) -> None:
    """Nothing is contacted."""
    cold = Builds(tmp_path, source=builds.source, cache=tmp_path / "cold")
    result = cold.run("--offline", "--base", f"{registry}/no/base:1", prefix=("unshare", "--net", "--"))
    assert (result.status, "is not in the cache" in result.error["message"]) == (61, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_no_container_and_a_valid_cache(
    number: signal.Signals, builds: Builds, base_images: Images, tmp_path: Path
) -> None:
    """Its container is removed, by itself or after a kill by the next build, which finds a cache that is fine. The
    result file tells that it was stopped.
    """
    words = ("--base", base_images[VERSION], "--python", VERSION, "--output", f"oci:{tmp_path / 'out'}")
    result = tmp_path / "result.json"
    slow = ("--result-file", str(result), "--instruction", f"echo started {uuid.uuid4().hex}; sleep 300")
    child = builds.start(*words, *slow)
    assert child.stderr
    for line in child.stderr:
        if line.startswith("  | started"):
            break
    assert len(list_containers()) == 1
    child.send_signal(number)
    child.communicate(timeout=30)
    assert child.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}[number]
    if number != signal.SIGKILL:
        assert list_containers() == []
        error = json.loads(result.read_text())["error"]
        assert (error["code"], error["exit_code"]) == ("build.stopped", child.returncode)
    document = builds.ok(*words, "--instruction", f"echo {uuid.uuid4().hex} > /opt/x")
    assert document["changed"]
    assert list_containers() == []
    assert [path.name for path in (builds.cache / "tmp").iterdir() if path.name.startswith("build-")] == []


def test_a_build_may_be_killed_at_any_moment(
    base_images: Images, tmp_path: Path, builds: Builds, make_store: Callable[[str], Any]
) -> None:
    """Again and again, a little later each time: the cache is never poisoned, and the build that ends is right.

    Once one has ended, the cache has all that it may lack, and a later moment shows nothing more.
    """
    words = ("--base", base_images[VERSION], "--python", VERSION, "--output", f"oci:{tmp_path / 'out'}")
    words += ("--instruction", "echo a > /opt/a")
    right = builds.ok(*words)["digest"]
    cold = Builds(tmp_path, source=builds.source, cache=tmp_path / "cold")
    for tenths in range(3, 60, 4):
        child = cold.start(*words)
        timer = threading.Timer(tenths / 10, child.kill)
        timer.start()
        out, _ = child.communicate()
        timer.cancel()
        if child.returncode == 0:
            assert json.loads(out)["digest"] == right
            break
    assert cold.ok(*words)["digest"] == right
    assert list_containers() == []


def test_a_full_disk_is_reported_and_leaves_a_valid_cache(
    builds: Builds, standins: Images, tmp_path: Path, container_env: dict[str, str]
) -> None:
    """Once there is room again the same build ends well."""
    if os.geteuid():
        pytest.fail("a small disk is mounted for this test, which takes root")
    with disk(tmp_path / "small", "20m") as small:
        cold = Builds(tmp_path, source=builds.source, cache=small / "cache")
        words = ("--base", standins[VERSION], "--python", VERSION, "--output", f"oci:{tmp_path / 'out'}")
        result = cold.run(*words)
        assert (result.status, result.error["code"]) == (55, "build.layer.space")
        subprocess.run(["mount", "-o", "remount,size=2g", str(small)], check=True)
        assert cold.ok(*words)["digest"] == builds.ok(*words)["digest"]


def test_two_builds_share_one_cache(builds: Builds, base_images: Images, tmp_path: Path) -> None:
    """At once, from nothing: both end, with one digest."""
    cold = Builds(tmp_path, source=builds.source, cache=tmp_path / "cold")
    children = [
        cold.start(
            "--base", base_images[VERSION], "--python", VERSION, "--instruction", "echo a > /opt/a",
            "--output", f"oci:{tmp_path / name}",
        )
        for name in ("one", "two")
    ]  # fmt: skip
    digests = []
    for child in children:
        out, err = child.communicate()
        assert child.returncode == 0, err
        digests.append(json.loads(out)["digest"])
    assert digests[0] == digests[1]


def test_a_missing_base_is_reported(builds: Builds, registry: str) -> None:
    """With the places that were searched; a local name has a hint to build it."""
    result = builds.run("--base", f"{registry}/no/such:1")
    assert (result.status, result.error["code"]) == (61, "build.image.base_missing")
    result = builds.run("--base", "localhost/no-such:1")
    assert (result.status, result.error["hint"]) == (61, "`--base` names another")
    result = builds.run("--base", "localhost/ovenbird:3.12")
    assert (result.status, result.error["hint"]) == (61, "`ovenbird base build 3.12` makes it; `--base` names another")


def test_a_base_with_another_python_is_refused(builds: Builds, base_images: Images) -> None:
    """Before anything is installed for it."""
    other = next(version for version in AVAILABLE if version != VERSION)
    result = builds.run("--base", base_images[VERSION], "--python", other)
    assert (result.status, f"expected {other}" in result.error["message"]) == (62, True)


def test_a_source_that_holds_a_secret_does_not_leave(builds: Builds, base_images: Images, tag: str) -> None:
    """The gate names layer, path and secret, and shows no value; nothing is pushed."""
    builds.write(settings__py="TOKEN = 'hunter2hunter2'\n")
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", tag, "--push", "--secret", "token=TOKEN")
    result = builds.run(*words, TOKEN="hunter2hunter2")
    assert (result.status, "shared/settings.py holds the secret token" in result.error["message"]) == (54, True)
    assert "hunter2" not in result.err
    host, _, path = tag.partition("/")
    answer = httpx.get(
        f"http://{host}/v2/{path.partition(':')[0]}/manifests/1", trust_env=False, verify=False, timeout=30
    )
    assert answer.status_code == 404


def test_a_suspected_secret_ends_a_build_before_locking(builds: Builds, base_images: Images, tag: str) -> None:
    """Files and lines are named at once; what is allowed leaves, also a name that no layer may have, and is told."""
    token = "ghp" + "_" + "a1B2" * 9
    builds.write(__netrc="machine example.com\n", settings__py=f"# ours\nTOKEN = {token!r}\n", __env__example="A=1\n")
    words = ("--base", base_images[VERSION], "--python", VERSION, "--tag", tag, "--push")
    failed = builds.run(*words, "--requirement", "no-such-distribution-of-anybody", "--allow", "main.py")
    assert failed.status == 54
    assert failed.error["message"].splitlines()[1:] == [
        "  .netrc: a file of credentials", "  settings.py:2: GitHub token",
    ]  # fmt: skip
    assert token not in failed.err
    host, _, path = tag.partition("/")
    answer = httpx.get(
        f"http://{host}/v2/{path.partition(':')[0]}/manifests/1", trust_env=False, verify=False, timeout=30
    )
    assert answer.status_code == 404
    result = builds.ok(*words, "--allow", ".netrc", "--allow", "*.py", "--allow", "gone")
    assert result["allowed"] == [
        {"path": ".netrc", "line": 0, "what": "a file of credentials"},
        {"path": "settings.py", "line": 2, "what": "GitHub token"},
    ]
    assert any(text.startswith("`--allow gone` lets nothing pass") for text in result["warnings"])


def test_the_result_file_equals_stdout(builds: Builds, base_images: Images, tmp_path: Path) -> None:
    """stdout is data: one JSON object with the fields of the contract, the same in the file."""
    words = ("--base", base_images[VERSION], "--python", VERSION, "--output", f"oci:{tmp_path / 'out'}")
    document = builds.ok(*words, "--result-file", str(tmp_path / "result.json"))
    assert json.loads((tmp_path / "result.json").read_text()) == document
    assert set(document["layers"][0]) == {"name", "digest", "size", "key", "hit", "seconds"}
    assert (set(document["source"]), set(document["lock"])) == ({"uri", "revision", "digest"}, {"path", "digest"})
    assert set(document["base"]) == {"name", "digest"}


def test_the_time_of_the_build_is_in_no_image(builds: Builds, base_images: Images, tmp_path: Path) -> None:
    """SOURCE_DATE_EPOCH is when an image was made; without it, 0."""
    words = ("--base", base_images[VERSION], "--python", VERSION, "--output", f"oci:{tmp_path / 'out'}")
    builds.ok(*words)
    assert json.loads(skopeo("inspect", f"oci:{tmp_path / 'out'}"))["Created"] == "1970-01-01T00:00:00Z"
    time.sleep(0.01)
    builds.ok(*words, SOURCE_DATE_EPOCH="1700000000")
    assert json.loads(skopeo("inspect", f"oci:{tmp_path / 'out'}"))["Created"] == "2023-11-14T22:13:20Z"
