"""`ovenbird lock --check` in a plain lint job: no container engine, no base, no index; the status of each fault."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import starts

from ovenbird.function_document import find, read
from ovenbird_builder.locking import lockfile
from ovenbird_builder.locking.lock_format import Pin, make_lock
from ovenbird_builder.locking.requirements import collect_requirements
from ovenbird_builder.locking.wheel_tags import assume_interpreter

Check = Callable[..., subprocess.CompletedProcess[str]]
BASE = "registry.example/nobody/has-this:1"
PINS = {"apple": "2.0", "banana": "2.0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A function that names its Python, with its source in `src` and a lock for each platform."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("def handler():\n    return 1\n")
    (tmp_path / "src" / "requirements.txt").write_text("apple>=1\nbanana==1.0; python_version < '3.11'\n")
    (tmp_path / "limits.txt").write_text("banana>=2\n")
    write_document(tmp_path, "  python_version: PYTHON3_11\n")
    write_lock(tmp_path, "linux/amd64")
    write_lock(tmp_path, "linux/arm64")
    return tmp_path


def write_document(folder: Path, spec: str) -> None:
    (folder / "function.yaml").write_text(
        f"kind: python\nname: f\nspec:\n{spec}  source: {{source: src, handler: 'main:handler'}}\n"
    )


def write_lock(folder: Path, platform: str, python: str = "3.11", into: str = ".", **pins: str) -> Path:
    """Write the lock that the requirements have now."""
    function = read(find(folder))
    requirements = collect_requirements(function, folder / "src")
    rows = tuple(Pin(name, version, (f"sha256:{'1' * 64}",)) for name, version in (PINS | pins).items())
    interpreter = assume_interpreter(python, platform, "glibc 2.36")
    path = folder / into / lockfile.lock_name(platform)
    lockfile.write_lock(path, make_lock(rows, lockfile.make_header(requirements, interpreter, "pip-tools")))
    return path


@pytest.fixture
def check_lock(folder: Path) -> Check:
    """`check("--platform", "linux/arm64")`, where no program but this Python is on the PATH."""

    def run(*flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
        env = {key: value for key, value in os.environ.items() if not key.startswith(("OVENBIRD_", "UV_"))}
        env |= {"PATH": str(folder / "no-programs"), "OVENBIRD_LOG_FORMAT": "text"} | environ
        return starts.run("lock", "--check", *flags, cwd=folder, env=env)

    return run


def test_a_lock_holds_without_an_engine_and_without_a_base(check_lock: Check, folder: Path) -> None:
    """Each lock at hand is checked; the paths are on stdout, and nothing is written."""
    before = sorted(folder.rglob("*"))
    process = check_lock()
    assert (process.returncode, process.stdout) == (
        0, f"{folder / 'function.lock'}\n{folder / 'function.linux-arm64.lock'}\n",
    ), process.stderr  # fmt: skip
    assert sorted(folder.rglob("*")) == before
    assert check_lock("--platform", "linux/arm64").stdout == f"{folder / 'function.linux-arm64.lock'}\n"


def test_the_base_of_a_document_is_not_probed(check_lock: Check, folder: Path) -> None:
    """The Python of the lock is used, with a note; `--python` sets the expected version."""
    write_document(folder, f"  base_image: {BASE}\n")
    process = check_lock()
    assert process.returncode == 0, process.stderr
    assert "Python is not compared" in process.stderr
    stale = check_lock("--python", "3.12")
    assert (stale.returncode, "Python was 3.11, is 3.12" in stale.stderr) == (45, True), stale.stderr
    refused = check_lock("--base", BASE)  # with the flag the base itself is asked, which takes the engine
    assert (refused.returncode, "buildah" in refused.stderr) == (24, True), refused.stderr


def test_neither_the_locker_nor_the_password_of_an_index_is_needed(check_lock: Check) -> None:
    """A lint job has no secrets, and no resolver runs."""
    process = check_lock("--locker", "uv", OVENBIRD_INDEX_URL="https://${NOBODY}:${SECRET}@index.example/simple")
    assert process.returncode == 0, process.stderr


def test_a_lock_in_the_source_wins_as_in_a_build(check_lock: Check, folder: Path) -> None:
    """A lock in the source folder wins over the one next to the document."""
    write_lock(folder, "linux/amd64", python="3.10")
    write_lock(folder, "linux/amd64", into="src")
    process = check_lock("--platform", "linux/amd64")
    assert (process.returncode, process.stdout) == (0, f"{folder / 'src' / 'function.lock'}\n"), process.stderr


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ("unlink", 45, "there is no function.lock or function.linux-arm64.lock"),
        ("requirement", 45, "cherry was added"),
        ("pylock", 45, "pylock.toml (sha256:"),
        ("constraint", 45, "the constraint banana>=2 was added"),
        ("python", 45, "Python was 3.10, is 3.11"),
        ("platform", 45, "the platform was linux/arm64, is linux/amd64"),
        ("pin", 45, "apple>=1 (requirements.txt line 1) is not met by apple==0.9"),
        ("gone", 45, "apple>=1 (requirements.txt line 1) has no pin"),
        ("runtime", 41, "starlette==0.20 in function.lock is not within the runtime's starlette"),
        ("damage", 40, "expected `NAME==VERSION`"),
        ("malformed", 40, "requirements.txt line 1"),
    ],
    ids=[
        "unlink",
        "requirement",
        "pylock",
        "constraint",
        "python",
        "platform",
        "pin",
        "gone",
        "runtime",
        "damage",
        "malformed",
    ],
)
def test_each_fault_has_its_status(check_lock: Check, folder: Path, change: str, status: int, words: str) -> None:
    """A missing, stale or edited lock is 45, one that the runtime cannot use 41, what cannot be read 40."""
    lock = folder / "function.lock"
    flags: tuple[str, ...] = ()
    if change == "unlink":
        for path in folder.glob("*.lock"):
            path.unlink()
    elif change == "requirement":
        (folder / "src" / "requirements.txt").write_text("apple>=1\nbanana==1.0; python_version < '3.11'\ncherry\n")
    elif change == "pylock":
        (folder / "src" / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "uv"\n')
    elif change == "constraint":
        flags = ("--constraints", "limits.txt")
    elif change == "python":
        write_lock(folder, "linux/amd64", python="3.10")
    elif change == "platform":
        (folder / "function.linux-arm64.lock").rename(lock)
    elif change == "pin":
        lock.write_text(lock.read_text().replace("apple==2.0", "apple==0.9"))
    elif change == "gone":
        lock.write_text(lock.read_text().replace("apple==2.0", "pear==2.0"))
    elif change == "runtime":
        write_lock(folder, "linux/amd64", starlette="0.20")
    elif change == "damage":
        lock.write_text("not a lock\n")
    else:
        (folder / "src" / "requirements.txt").write_text("apple=1\n")
    process = check_lock(*flags)
    assert (process.returncode, process.stdout) == (status, ""), process.stderr
    assert words in process.stderr


def test_a_lock_made_from_pylock_is_stale_when_pylock_changes(check_lock: Check, folder: Path) -> None:
    """The digest of pylock.toml is part of the request."""
    (folder / "src" / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "uv"\n')
    write_lock(folder, "linux/amd64")
    write_lock(folder, "linux/arm64")
    assert check_lock().returncode == 0
    (folder / "src" / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "uv"\npackages = []\n')
    process = check_lock()
    assert (process.returncode, "pylock.toml (sha256:" in process.stderr) == (45, True), process.stderr


@pytest.mark.slow
def test_the_former_name_of_a_flag_works_with_a_note(check_lock: Check) -> None:
    """`--constraint` of `lock` is `--constraints`, as in `build`; the help has the new name alone."""
    new, former = check_lock("--constraints", "limits.txt"), check_lock("--constraint", "limits.txt")
    assert (new.returncode, former.returncode) == (45, 45)
    note = "note: --constraint is called --constraints now, as in `ovenbird build`\n"
    assert note in former.stderr
    assert "is called" not in new.stderr
    assert former.stderr.replace(note, "") == new.stderr
    help_text = check_lock("--help").stdout
    assert "--constraints FILE" in help_text
    assert "--constraint " not in help_text
