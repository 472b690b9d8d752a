"""`ovenbird lock`: what a function needs, pinned with hashes, written beside its source."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovenbird.common.text import show_value

from ..actions.lock_requirements import PLATFORMS, LockRequest, check_lock_files, lock_requirements
from ..errors import BuildRequestError
from ..host.progress import make_progress
from ..locking.lock import LOCKERS
from ..request.build_options import read_options

# flags whose variables a build reads too, so that both mean the same; those of the site are read where they are used
_SHARED = ("python", "base", "source", "requirement", "requirements", "constraints", "extra", "locker")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("target", nargs="?", default=".", help="function.yaml, a folder that holds one, FILE.py")
    parser.add_argument(
        "--source", default="", metavar="DIR", help="folder of the code, as for `ovenbird build` [OVENBIRD_SOURCE]"
    )
    parser.add_argument(
        "--python", default="", metavar="X.Y", help="Python's version (default: the document's) [OVENBIRD_PYTHON]"
    )
    parser.add_argument(
        "--base", default="", metavar="IMAGE", help="the base image whose Python it is for [OVENBIRD_BASE]"
    )
    parser.add_argument("--registry", default="", metavar="HOST[/PATH]",
                        help="mirror of Docker Hub, where no base was made here [OVENBIRD_REGISTRY]")  # fmt: skip
    add_dependency_options(parser)
    parser.add_argument("--platform", choices=PLATFORMS, default="", help="default: the base's own")
    parser.add_argument("--upgrade", action="store_true", help="keep no pin of the lock at hand")
    parser.add_argument("--upgrade-package", action="append", default=[], metavar="NAME", help="do not keep its pin")
    parser.add_argument(
        "--check", action="store_true", help="only say whether the locks at hand still hold (no container, no base)"
    )
    parser.add_argument("--ca-bundle", default="", metavar="FILE", help="certificates of the site, in PEM form")
    parser.add_argument("--allow-host", action="append", metavar="HOST", help="a host that submodules may come from")
    parser.add_argument("--cache-dir", default="", metavar="DIR", help="default: ~/.cache/ovenbird")


class _FormerFlagName(argparse._AppendAction):
    """Appends, and says what the flag is called now."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Add a value to those of the flag."""
        _tell(f"note: {option_string} is called --{self.dest} now, as in `ovenbird build`")
        super().__call__(parser, namespace, values, option_string)


def add_dependency_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of requirements and their indexes, for this verb and for those that lock on the way."""
    add = parser.add_argument
    add("--requirement", action="append", default=[], metavar="SPEC", help="one requirement more: 'pandas>=2'")
    add("--requirements", action="append", default=[], type=Path, metavar="FILE", help="a requirements file")
    add("--constraints", action="append", default=[], type=Path, metavar="FILE", help="limits on versions")
    add("--constraint", action=_FormerFlagName, dest="constraints", type=Path, help=argparse.SUPPRESS)
    add("--extra", action="append", default=[], metavar="NAME", help="an extra of pyproject.toml")
    add("--locker", choices=LOCKERS, default="", help="what resolves (default: pip-tools) [OVENBIRD_LOCKER]")
    add("--index-url", default="", metavar="URL", help="the package index; ${NAME} is taken from the environment")
    add("--extra-index-url", action="append", default=[], metavar="URL", help="a further index")
    add("--only-binary", action="store_true", help="take wheels only, build nothing")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Lock; print the path of the lock on stdout. Errors: those of `lock_requirements` and `check_lock_files`."""
    request = _make_request(args, environ)
    if args.check:
        for path in check_lock_files(request, environ, _tell):
            _tell(f"{path.name} holds")
            print(path)
        return 0
    result = lock_requirements(request, environ, _tell, lambda secrets: make_progress(sys.stderr, secrets))
    for line in result.changes:
        _tell(line)
    _tell(f"{len(result.lock.pins)} pins, {result.lock.digest}")
    print(result.path)
    return 0


def _make_request(args: argparse.Namespace, environ: Mapping[str, str]) -> LockRequest:
    """Return what is asked for; a flag that is not given is the variable that a build reads.

    `--check` asks a base for its Python only where the flag names it: else it needs no container engine.
    """
    given = {name: value for name, value in vars(args).items() if value not in ("", [], None)}
    options = read_options(given, {**environ, "OVENBIRD_BASE": ""} if args.check else environ, "lock")
    values: dict[str, Any] = {name: getattr(args, name) for name in LockRequest.__struct_fields__}
    values |= {name: options[name] for name in _SHARED}
    values["locker"] = values["locker"] or LOCKERS[0]
    if values["locker"] not in LOCKERS:
        raise BuildRequestError(f"--locker: expected one of {', '.join(LOCKERS)}, found {show_value(values['locker'])}")
    for name in ("requirements", "constraints"):
        values[name] = tuple(map(Path, values[name]))
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return LockRequest(**values)


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
