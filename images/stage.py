"""Lay out what a base image adds to its upstream, below one folder. Run by Dockerfile.base, with the upstream's Python.

What comes in: packages that pip has put into /opt/ovenbird/site. What goes out: the same with bytecode, the command,
the user and the standard library's bytecode, below argv[1] as they will lie in the image.
"""

from __future__ import annotations

import base64
import compileall
import csv
import hashlib
import os
import py_compile
import re
import shutil
import sys
import sysconfig
from pathlib import Path

from elf import strip_file

HOME = Path("/opt/ovenbird")
PROCESSOR = Path("/opt/nuclio/processor")  # what the platform's entry point starts
SHARED = Path("/shared")
UID, GID, NAME = 8877, 999, "ovenbird"
# of the standard library: what no function imports; it stays, without bytecode
UNUSED = (
    "idlelib", "lib2to3", "test", "tests", "turtledemo", "tkinter", "ensurepip", "pydoc_data", "distutils",
    "site-packages", "dist-packages",
)  # fmt: skip
# of the packages: what commands and servers that are dropped call, and nothing else does; megabytes with their bytecode
COMMANDS_ONLY = tuple(
    f"dulwich/{name}"
    for name in (
        "__main__.py", "aiohttp", "am.py", "annotate.py", "archive.py", "bisect.py", "cli.py", "cloud", "diff.py",
        "diffstat.py", "fastexport.py", "filter_branch.py", "lfs_server.py", "log_utils.py", "mailmap.py",
        "maintenance.py", "mbox.py", "porcelain", "range_diff.py", "rerere.py", "server.py", "stash.py",
        "stripspace.py", "subtree.py", "tests", "web.py", "whitespace.py",
    )
)  # fmt: skip
DEVELOPMENT = (".c", ".h", ".pxd", ".pyi", ".pyx")  # sources of the extensions, and stubs for type checkers


def main(stage: Path) -> None:
    """Make the folder."""
    refuse_unfit()
    site = HOME / "site"
    trim(site)
    compiled(site)
    move(site, stage)
    command(stage)
    library(Path(sysconfig.get_path("stdlib")), stage, UNUSED)
    # where setuptools is installed, its .pth file imports this at each start of Python
    library(Path(sysconfig.get_path("purelib")) / "_distutils_hack", stage, ())
    accounts(stage)
    folder(SHARED, stage)
    os.chown(below(stage, SHARED), UID, 0)  # group 0: where a platform gives each container a user of its own
    below(stage, SHARED).chmod(0o775)


def trim(site: Path) -> None:
    """Drop what nobody calls or loads: commands, files for development, symbols. Their records say so too."""
    shutil.rmtree(site / "bin", ignore_errors=True)
    for path in [path for path in site.rglob("*") if path.suffix in DEVELOPMENT]:
        path.unlink()
    for path in (site / name for name in COMMANDS_ONLY):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    changed = {path.relative_to(site).as_posix() for path in site.rglob("*.so") if strip_file(path)}
    for record in site.glob("*.dist-info/RECORD"):
        with record.open(newline="", encoding="utf-8") as lines:
            rows = [row for row in csv.reader(lines) if row and (site / row[0]).is_file()]
        with record.open("w", newline="", encoding="utf-8") as lines:
            table = csv.writer(lines, lineterminator="\n")
            table.writerows([row[0], *digest(site / row[0])] if row[0] in changed else row for row in rows)


def digest(path: Path) -> tuple[str, str]:
    """Return the hash and the size of a file as a record of installed files has them."""
    content = path.read_bytes()
    text = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={text}", str(len(content))


def refuse_unfit() -> None:
    """End with a message when this Python cannot be a base's."""
    if sys.version_info < (3, 10):  # noqa: UP036  # this is where it is refused
        sys.exit(f"Python {sys.version_info.major}.{sys.version_info.minor} is too old: 3.10 or newer is needed")


def compiled(root: Path, unused: tuple[str, ...] = ()) -> None:
    """Compile a tree ahead. The bytecode is never checked against its source, whose time an image may change."""
    skip = re.compile(rf"{re.escape(str(root))}/({'|'.join(unused)})/|/(test|tests|idle_test)/") if unused else None
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(str(root), maxlevels=50, quiet=2, force=True, rx=skip, invalidation_mode=mode)


def move(root: Path, stage: Path) -> None:
    """Move a tree to its place below the stage."""
    folder(root.parent, stage)
    shutil.move(str(root), str(below(stage, root)))


def command(stage: Path) -> None:
    """The `ovenbird` command, the processor's, and the line that puts its packages behind the user's own."""
    script = HOME / "bin" / "ovenbird"
    launcher = Path(__file__).with_name("launcher.txt").read_text(encoding="utf-8")
    for path, words in ((script, ""), (PROCESSOR, '["processor", *sys.argv[1:]]')):
        folder(path.parent, stage)
        text = launcher.format(python=os.path.realpath(sys.executable), words=words)
        below(stage, path).write_text(text, encoding="utf-8")
        below(stage, path).chmod(0o755)
    signals = HOME / "lib" / "bash_env.sh"
    folder(signals.parent, stage)
    shutil.copyfile(Path(__file__).with_name(signals.name), below(stage, signals))
    below(stage, signals).chmod(0o644)
    link = Path("/usr/local/bin/ovenbird")
    folder(link.parent, stage)
    below(stage, link).symlink_to(script)
    packages = Path(sysconfig.get_path("purelib"))
    folder(packages, stage)
    below(stage, packages / "ovenbird.pth").write_text(f"{HOME / 'site'}\n", encoding="utf-8")


def library(root: Path, stage: Path, unused: tuple[str, ...]) -> None:
    """The bytecode of a tree of the upstream's, which has none, or one that the time of its files makes stale."""
    compiled(root, unused)
    for cache in sorted(root.rglob("__pycache__")):
        if set(cache.relative_to(root).parts) & set(unused):
            continue
        folder(cache, stage)
        for path in sorted(cache.glob(f"*.{sys.implementation.cache_tag}.pyc")):
            shutil.copyfile(path, below(stage, path))


def accounts(stage: Path) -> None:
    """The user's line in /etc/passwd, its group's in /etc/group, where the numbers are not taken."""
    lines = {"passwd": f"{NAME}:x:{UID}:{GID}:Ovenbird:{SHARED}:/bin/sh", "group": f"{NAME}:x:{GID}:"}
    for name, line in lines.items():
        path = Path("/etc") / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        number = line.split(":")[2]
        if number not in [row.split(":")[2] for row in text.splitlines() if row.count(":") >= 2]:
            text += ("" if text.endswith("\n") or not text else "\n") + line + "\n"
        folder(path.parent, stage)
        below(stage, path).write_text(text, encoding="utf-8")


def folder(path: Path, stage: Path) -> None:
    """A folder and those above it below the stage, each with the owner and the mode that it has in the upstream."""
    for ancestor in (*reversed(path.parents), path):
        staged = below(stage, ancestor)
        if not staged.is_dir():
            staged.mkdir()
            if ancestor.is_dir():
                shutil.copystat(ancestor, staged)
                os.chown(staged, ancestor.stat().st_uid, ancestor.stat().st_gid)


def below(stage: Path, path: Path) -> Path:
    """Where an absolute path lies below the stage."""
    return stage / path.relative_to("/")


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]))
