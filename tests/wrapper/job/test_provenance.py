"""The provenance of a run: digests, revision, lock, image, Python."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovenbird.function.loader import load
from ovenbird.function.target import parse
from ovenbird.job.provenance import build_provenance, describe_machine, function_spec, source_digest

_GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")


@pytest.fixture(autouse=True)
def fresh_modules() -> Iterator[None]:
    """Modules that a test imports are forgotten, and sys.path is what it was."""
    before, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]
    sys.path[:] = path


def _git(folder: Path, *words: str) -> str:
    return subprocess.run([*_GIT, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def _project(folder: Path, text: str = "def handler(): pass\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "job_main.py").write_text(f"import job_part\n{text}")
    (folder / "job_part.py").write_text("x = 1\n")
    (folder / "unused.py").write_text("y = 1\n")
    return folder / "job_main.py"


def test_the_digest_is_of_the_modules_that_were_imported(tmp_path: Path) -> None:
    """A sibling that the function imports counts; a file that it does not import, and the folder's name, do not."""
    digests = []
    for name, change in (("a", None), ("b", "unused.py"), ("c", "job_part.py")):
        path = _project(tmp_path / name)
        if change:
            (tmp_path / name / change).write_text("z = 2\n")
        digests.append(source_digest(load(parse(str(path)))))
        for module in ("job_main", "job_part"):
            del sys.modules[module]
        sys.path.remove(str(tmp_path / name))
    assert digests[0] == digests[1] != digests[2]
    assert digests[0].startswith("sha256:")


def test_the_spec_of_the_function_names_its_source(tmp_path: Path) -> None:
    """The spec holds where the source lies, what is called, its digest and its revision; a document's requirements."""
    path = _project(tmp_path / "p")
    _git(tmp_path, "init", "-q", ".")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-qm", "one")
    spec = function_spec(load(parse(str(path))))["source"]
    assert (spec["handler"], spec["root"]) == ("job_main:handler", str(tmp_path / "p"))
    assert spec["revision"] == _git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "p" / "function.yaml").write_text(
        "name: f\nkind: python\nspec: {source: {source: job_main.py, handler: handler}, requirements: [six]}\n"
    )
    spec = function_spec(load(parse(str(tmp_path / "p"))))
    assert (spec["requirements"], spec["source"]["source"]) == (["six"], "job_main.py")


@pytest.mark.slow
def test_lock_image_and_python_belong_to_the_run(tmp_path: Path) -> None:
    """The lock next to the source is recorded by its digest, the image by its variable."""
    loaded = load(parse(str(_project(tmp_path / "p"))))
    record = build_provenance(loaded, {})
    assert record["python"] == sys.version.partition(" ")[0]
    assert {"lock", "image"}.isdisjoint(record)
    (tmp_path / "p" / "function.lock").write_bytes(b"lock")
    record = build_provenance(loaded, {"OVENBIRD_IMAGE_DIGEST": "sha256:abc"})
    assert record["lock"] == f"sha256:{hashlib.sha256(b'lock').hexdigest()}"
    assert record["image"] == "sha256:abc"


def test_the_lock_next_to_the_document_is_recorded(tmp_path: Path) -> None:
    """An image has the two in one folder, and the source in another."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "main.py").write_text("def handler(): ...\n")
    (tmp_path / "function.yaml").write_text(
        f"name: f\nkind: python\nspec: {{source: {{source: {tmp_path}/source, handler: 'main:handler'}}}}\n"
    )
    (tmp_path / "function.lock").write_bytes(b"lock")
    record = build_provenance(load(parse(str(tmp_path / "function.yaml"))), {})
    assert record["lock"] == f"sha256:{hashlib.sha256(b'lock').hexdigest()}"


def test_the_machine_is_what_this_process_may_use() -> None:
    """System, architecture and host as the kernel names them; processors and memory that this process has."""
    record, system = describe_machine(), os.uname()
    assert (record["system"], record["architecture"], record["host"]) == (
        system.sysname,
        system.machine,
        system.nodename,
    )
    assert record["cpus"] == len(os.sched_getaffinity(0))
    assert 0 < record["memory"] <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
