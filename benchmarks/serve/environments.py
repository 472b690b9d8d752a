"""One virtual environment for each peer, made from its pinned requirements when it is missing or out of date."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from functools import cache
from pathlib import Path

from processes import FailedError, finish

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / ".cache" / "bench"
OWN = "ovenbird"  # the interpreter that the harness runs under
OWN_PACKAGES = ("ovenbird", "uvicorn", "httptools", "uvloop", "msgspec", "starlette")
INSTALL_LIMIT = 300.0  # seconds


def say(text: str) -> None:
    """Tell a person what is going on."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _find_requirements(name: str) -> Path:
    return HERE / f"requirements-{name}.txt"


@cache
def _make_environment(name: str) -> tuple[Path | None, str]:
    """Return the folder of the environment's programs, or the reason why there is none; tried once in a run."""
    text = _find_requirements(name).read_text()
    stamp_text = hashlib.sha256(f"{sys.version}\n{text}".encode()).hexdigest()
    folder, stamp = CACHE / name, CACHE / name / "bench-stamp"
    if stamp.exists() and stamp.read_text() == stamp_text:
        return folder / "bin", ""
    say(f"installing {name} into {folder} (once; up to {INSTALL_LIMIT:.0f} s) ...")
    shutil.rmtree(folder, ignore_errors=True)
    pip = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")
    try:
        finish((sys.executable, "-m", "venv", str(folder)), 120)
        finish((str(folder / "bin" / "python"), *pip, "-r", str(_find_requirements(name))), INSTALL_LIMIT)
    except FailedError as error:
        shutil.rmtree(folder, ignore_errors=True)
        say(f"{name} could not be installed: {error}")
        return None, str(error)
    stamp.write_text(stamp_text)
    return folder / "bin", ""


def find_commit(name: str) -> str:
    """Return the commit that a branch, a tag or the beginning of an id names. Errors: FailedError."""
    git = ("git", "-C", str(HERE), "rev-parse", "--verify", "--quiet", "--end-of-options")
    try:
        return finish((*git, f"{name}^{{commit}}"), 60).strip()
    except FailedError:
        raise FailedError(f"`{name}` is not a commit of this repository") from None


def unpack_revision(name: str) -> Path:
    """Unpack all files of a git revision, with bytecode, and return their folder. Errors: FailedError."""
    commit = find_commit(name)
    folder = CACHE / f"revision-{commit}"
    if not folder.exists():
        draft = CACHE / f"revision-{commit}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        archive = draft / "sources.tar"
        top = str(HERE.parent.parent)
        finish(("git", "-C", top, "archive", "--format=tar", f"--output={archive}", commit), 60)
        finish(("tar", "-x", "-f", str(archive), "-C", str(draft)), 60)
        archive.unlink()
        sources = [str(draft / package) for package in ("wrapper", "builder") if (draft / package).is_dir()]
        finish((sys.executable, "-m", "compileall", "-q", *sources), 120)
        draft.rename(folder)
    return folder


class NotInstalledError(FailedError):
    """The environment of a peer could not be made here; the message is pip's."""


def find_programs(name: str) -> Path:
    """Return the folder that holds `python` and the commands of an environment, which may be named by that folder."""
    if name == OWN:
        return Path(sys.executable).parent
    if "/" in name:
        return Path(name)
    folder, reason = _make_environment(name)
    if folder is None:
        raise NotInstalledError(reason)
    return folder


def read_versions(name: str) -> dict[str, str]:
    """The versions of an environment's packages that matter: those pinned by name, or Ovenbird and what it runs on."""
    packages = OWN_PACKAGES
    if name != OWN and "/" not in name:
        packages = tuple(re.findall(r"^([\w.-]+)==", _find_requirements(name).read_text(), re.MULTILINE))
    code = (
        "import importlib.metadata as m, json, sys\n"
        "def version(name):\n"
        "    try: return m.version(name)\n"
        "    except m.PackageNotFoundError: return 'absent'\n"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    output = finish((str(find_programs(name) / "python"), "-c", code, *packages), 60)
    versions: dict[str, str] = json.loads(output)
    return versions
