"""`ovenbird base`: list, build, pin and lock the base images."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from ovenbird.common.output_path import find_output_problem
from ovenbird.common.text import show_value

from ..bases import build_base as baseimage
from ..bases import catalog as bases
from ..bases import pin_bases as baselock
from ..bases.catalog import BaseEntry
from ..build import report
from ..cache.folder import find_cache
from ..errors import BaseMissingError, BuildRequestError, ImageError, RegistryAuthError, RegistryError
from ..host.network import read_network_settings
from ..oci.reference import parse_reference


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    list_parser = actions.add_parser("list", help="the versions that there are")
    list_parser.add_argument("--json", action="store_true", help="print JSON")
    list_parser = _add_action(actions, "build", "build the images of some versions, or of all")
    list_parser.add_argument(
        "--tag", default="", metavar="REF", help="name of the image; {version} stands for Python's"
    )
    list_parser.add_argument("--push", action="store_true", help="push it to the registry that --tag names")
    list_parser.add_argument("--format", choices=("oci", "docker"), default="oci", help="docker keeps the health check")
    list_parser.add_argument(
        "--revision", default="", metavar="TEXT", help="of the runtime's source [OVENBIRD_REVISION]"
    )
    list_parser.add_argument("--context", default="", metavar="DIR", help="only write what `docker build DIR` needs")
    list_parser.add_argument("--result-file", default="", metavar="FILE", help="JSON file that gets what was made")
    list_parser.add_argument(
        "--keep-going", action="store_true", help="build what can be had; fail only when nothing could"
    )
    _add_flavour(list_parser)
    list_parser = _add_action(
        actions, "lock", "lock what the runtime needs, by pip-tools under each version's own Python"
    )
    _add_flavour(list_parser)
    _add_action(
        actions, "pin", "ask the registry for the digests of the upstream images, and write them into bases.toml"
    )


def _add_action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    """Return a parser for one action, with what all of them take."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    add = parser.add_argument
    add("versions", nargs="*", metavar="VERSION", help="such as 3.12 or PYTHON3_12; default: all")
    add("--registry", default="", metavar="HOST[/PATH]", help="mirror to take the upstream from [OVENBIRD_REGISTRY]")
    add("--from", dest="image", default="", metavar="REF", help="another upstream; {version} stands for Python's")
    add("--pull", choices=("always", "missing", "never"), default="always", help="when to ask the registry")
    add("--index-url", default="", metavar="URL", help="package index [OVENBIRD_INDEX_URL]")
    add("--ca-bundle", default="", metavar="FILE", help="certificates [OVENBIRD_CA_BUNDLE, SSL_CERT_FILE, PIP_CERT]")
    add("--cache-dir", default="", metavar="DIR", help="[OVENBIRD_CACHE_DIR]")
    add("--quiet", action="store_true", help="do not show what the build says")
    return parser


def _add_flavour(parser: argparse.ArgumentParser) -> None:
    text = "sdk: the platform's SDK beside the runtime, in a layer of its own"
    parser.add_argument("--flavour", default=bases.PLAIN, choices=(bases.SDK,), help=text)


class _BaseCommand(Struct, frozen=True):
    """One call: its flags, what they come to, the environment."""

    args: argparse.Namespace
    environ: Mapping[str, str]
    site: baseimage.FetchSettings
    cache: Path
    bases: tuple[BaseEntry, ...]


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do what is asked for; the exit status. JSON goes to stdout, and to the result file."""
    if args.action == "list":
        return _list(as_json=args.json)
    file = getattr(args, "result_file", "")
    if file not in ("", "-") and (problem := find_output_problem(Path(file))):
        raise BuildRequestError(f"--result-file: {problem}")
    site = baseimage.FetchSettings(
        read_network_settings(args.ca_bundle, environ), args.index_url or environ.get("OVENBIRD_INDEX_URL", "")
    )
    chosen = (_choose_base(args, environ, version) for version in args.versions or bases.read_catalog())
    entries = tuple({base.version: base for base in chosen}.values())
    if args.action == "build":
        _check_build(args, entries, environ)
    call = _BaseCommand(args, environ, site, find_cache(args.cache_dir, environ), entries)
    rows = _at_hand(call) if getattr(args, "keep_going", False) else [_DO[args.action](call, base) for base in entries]
    text = json.dumps(rows, indent=2)
    if file not in ("", "-"):  # stdout has it anyway
        report.write_text(Path(file), text + "\n", "--result-file")
    print(text)
    return 0


def _choose_base(args: argparse.Namespace, environ: Mapping[str, str], version: str) -> BaseEntry:
    registry = args.registry or environ.get("OVENBIRD_REGISTRY", "")
    known_version = bases.choose_base(version).version
    return bases.choose_base(known_version, registry=registry, image=args.image.replace("{version}", known_version))


def _check_build(args: argparse.Namespace, entries: tuple[BaseEntry, ...], environ: Mapping[str, str]) -> None:
    """Refuse flags that go wrong at the end of a build, before the first one. Errors: BuildRequestError."""
    read_epoch(environ)
    for base in entries:
        reference = parse_reference(_name_image(args, base), "--tag")
        if len(entries) > 1 and (args.context or (args.tag and "{version}" not in args.tag)):
            raise BuildRequestError(
                "`--tag` and `--context` name one image: name one version, or write `{version}` in `--tag`"
            )
        if args.push and (not args.tag or (not reference.host and "/" not in reference.path)):
            raise BuildRequestError(
                f"--push: {show_value(str(reference))} has no registry",
                hint=f"`--tag registry.example.com/ovenbird:{base.version}`",
            )


def _name_image(args: argparse.Namespace, base: BaseEntry) -> str:
    """Return the name that the image of a version gets."""
    suffix = f"-{args.flavour}" if args.flavour else ""
    return args.tag.replace("{version}", base.version) or base.image + suffix


def _list(*, as_json: bool) -> int:
    rows = [
        asdict(base) | {"locked": bases.find_runtime_lock(base.version).is_file()}
        for base in bases.read_catalog().values()
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return 0
    table = [("VERSION", "PLATFORM", "UPSTREAM", "PINNED", "LOCKED", "IMAGE")]
    table += [
        (row["version"], row["platform"], row["upstream"], row["digest"][:19] or "no", "yes" if row["locked"] else "no",
         row["image"]) for row in rows
    ]  # fmt: skip
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return 0


def _build(call: _BaseCommand, base: BaseEntry) -> dict[str, Any]:
    args = call.args
    name = _name_image(args, base)
    if args.context:
        folder = Path(args.context)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            empty = not any(folder.iterdir())
        except (OSError, ValueError) as error:  # the second for a name with a NUL
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise BuildRequestError(f"--context: cannot make the folder {show_value(args.context)}: {reason}") from None
        if not empty:
            raise BuildRequestError(f"--context: the folder {show_value(args.context)} is not empty")
        baseimage.fill_context(base.version, folder, args.flavour)
        return {"version": base.version, "context": str(folder), "upstream": base.reference}
    opts = baseimage.BaseBuildOptions(
        name, args.format, read_epoch(call.environ), args.revision or call.environ.get("OVENBIRD_REVISION", ""),
        args.pull, args.flavour,
    )  # fmt: skip
    line = None if args.quiet else _print_line
    built = baseimage.build_base(base, opts, site=call.site, cache=call.cache, environ=call.environ, line=line)
    pushed = baseimage.push_base(name, name, site=call.site, environ=call.environ) if args.push else ""
    return {"version": base.version, **asdict(built)} | ({"pushed": pushed} if pushed else {})


def _at_hand(call: _BaseCommand) -> list[dict[str, Any]]:
    """Build every version whose upstream can be had, and say of the others why not. Errors: those of the last one."""
    rows: list[dict[str, Any]] = []
    last: ImageError | None = None
    for base in call.bases:
        try:
            rows.append(_build(call, base))
            _print_line(f"Python {base.version}: built {rows[-1]['image']}")
        except (BaseMissingError, RegistryError, RegistryAuthError) as error:
            last = error
            _print_line(f"Python {base.version}: not built: {error}")
    if last and not rows:
        raise last
    return rows


def _lock(call: _BaseCommand, base: BaseEntry) -> dict[str, Any]:
    flavour = call.args.flavour
    text = baselock.lock_runtime(
        base, call.args.pull, site=call.site, cache=call.cache, environ=call.environ, flavour=flavour
    )  # fmt: skip
    lock_path = bases.find_runtime_lock(base.version, flavour)
    changed = not lock_path.is_file() or lock_path.read_text() != text
    return {"version": base.version, "lock": str(baselock.write_lock(base.version, text, flavour)), "changed": changed}


def _pin(call: _BaseCommand, base: BaseEntry) -> dict[str, Any]:
    if call.args.image:
        raise BuildRequestError("--from: only the upstreams of `bases.toml` can be pinned")
    digest = baselock.resolve_digest(base, site=call.site, environ=call.environ)
    baselock.write_pin(base.version, digest)
    return {"version": base.version, "upstream": base.upstream, "digest": digest, "changed": digest != base.digest}


_DO: dict[str, Callable[[_BaseCommand, BaseEntry], dict[str, Any]]] = {"build": _build, "lock": _lock, "pin": _pin}


def read_epoch(environ: Mapping[str, str]) -> int:
    """Return the time that images tell, in seconds since 1970: `SOURCE_DATE_EPOCH`, or 0. Errors: BuildRequestError."""
    text = environ.get("SOURCE_DATE_EPOCH") or "0"
    if not re.fullmatch(r"[0-9]{1,11}", text):
        raise BuildRequestError(f"SOURCE_DATE_EPOCH: expected whole seconds since 1970, found {show_value(text)}")
    return int(text)


def _print_line(line: str) -> None:
    sys.stderr.write(line + os.linesep)
