"""Parse a target and its flags into one BuildRequest, and report all problems at once. Nothing is fetched here."""

from __future__ import annotations

import platform as machine
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ovenbird.common.named_paths import is_file, is_name
from ovenbird.common.text import show_value
from ovenbird.common.units import parse_duration
from ovenbird.common.user_folders import expand_home
from ovenbird.errors import OvenbirdError
from ovenbird.function_document import FunctionSpec, refuse_unknown_fields

from ..bases.base_name import check_form
from ..cache.folder import check_apart, find_cache
from ..errors import BuildRequestError
from ..host import secrets
from ..host.flag_values import parse_flag
from ..host.network import NetworkSettings, read_network_settings
from ..host.secrets import BuildSecret
from ..oci import label_names, reference
from ..oci.reference import ImageReference
from ..sources.allowed_files import parse_allow
from ..sources.tree import SourceTree
from . import function_target, run_instruction
from .destination import Destination, check_destination, parse_destination
from .run_instruction import RunInstruction

_PLATFORMS = ("linux/amd64", "linux/arm64")
_MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64", "arm64": "linux/arm64"}
_HOUR = "1h"
_LAST_SECOND = 253402300799  # of the year 9999: the last one that a date in an image can express
_AS_GIVEN = (
    "registry", "requirement", "index_url", "authfile", "creds_file", "offline", "dry_run", "explain", "check", "slim",
    "write_back",
)  # fmt: skip
"""Options that are fields of a request as they are."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One build: the function, the options of its image, and the outputs. Times in seconds; 0 is no limit.

    `document` is the path of the function document, None without one. `epoch` is SOURCE_DATE_EPOCH, None where the
    environment does not set it. `bundled` is the source where a bundle brings it,
    `locks` the folder of the locks that it brings. `products` are the files and folders that the build itself reads or
    writes, which are no part of a source. `allow` are the paths in the source that may hold what looks like a secret.
    `label_names` and `annotations` are the user's own. `slim_keep` are the normalised names of packages.
    """

    function: FunctionSpec
    document: Path | None
    tags: tuple[ImageReference, ...]
    outputs: tuple[Destination, ...]
    python: str
    base: str
    requirement: tuple[str, ...]
    requirements: tuple[Path, ...]
    constraints: tuple[Path, ...]
    extras: tuple[str, ...]
    index_url: str
    extra_index_urls: tuple[str, ...]
    instructions: tuple[RunInstruction, ...]
    secrets: tuple[BuildSecret, ...]
    locker: str
    platforms: tuple[str, ...]
    compression: str
    cache: Path
    network: NetworkSettings
    authfile: str
    creds_file: str
    timeout: float
    epoch: int | None
    offline: bool = False
    bundled: SourceTree | None = None
    locks: Path | None = None
    result_file: Path | None = None
    dry_run: bool = False
    explain: bool = False
    list_source: bool = False
    write_back: bool = False
    notes: tuple[str, ...] = field(default=())
    products: tuple[Path, ...] = ()
    allow: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    registry: str = ""
    check: bool = True
    slim: bool = False
    slim_keep: tuple[str, ...] = ()

    @property
    def pushes(self) -> bool:
        """Return whether an output is a registry."""
        return any(destination.kind == "registry" for destination in self.outputs)


def list_secrets(build_request: BuildRequest) -> tuple[str, ...]:
    """Return the texts to hide in output and logs."""
    return (*(text for secret in build_request.secrets for text in secret.texts), *build_request.network.list_secrets())


def parse_request(options: Mapping[str, Any], environ: Mapping[str, str]) -> BuildRequest:
    """Return the request of parsed options (see `commands/options.py`).

    Errors: a single problem as it is, or a BuildRequestError that lists all of them; DocumentError.
    """
    named = function_target.resolve_target(options["target"], options["source"])
    options = _fill_in_name(options, named.function)
    if options["strict"]:
        refuse_unknown_fields(named.function)
    check = _ErrorCollector()
    build_secrets: tuple[BuildSecret, ...] = check(lambda: secrets.parse_secrets(options["secret"], environ), ())
    tags = check.call_each(options["tag"], reference.parse_reference)
    request = _make_request(check, named, options, environ, build_secrets, tags)
    _check_paths(check, request, list_input_files(options))
    _check_combinations(check, request, tags, explicit=bool(options["tag"]))
    check.finish()
    return request


def _fill_in_name(options: Mapping[str, Any], function: FunctionSpec) -> Mapping[str, Any]:
    """Return the arguments with `{name}` in tags and outputs replaced by the function's name, as in image names."""
    name = _derive_tag(function).path
    return {
        **options,
        **{key: tuple(text.replace("{name}", name) for text in options[key]) for key in ("tag", "output")},
    }


def list_input_files(options: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the files that a call reads, as far as its flags name them: no output takes the place of one."""
    names = [options["target"].partition(":")[0], *options["requirements"], *options["constraints"]]
    names += [options.get(name) or "" for name in ("bundle", "authfile", "creds_file", "ca_bundle")]
    names += [text.partition("=")[2] for text in options["secret"]]
    return tuple(Path(name) for name in names if name)


def _list_products(options: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the paths that the flags name for the build's own use: results, images, bundles, cache, credentials."""
    names = [
        options.get(name) or ""
        for name in ("result_file", "cache_dir", "bundle", "out", "authfile", "creds_file", "dotenv_file")
    ]
    names += [text.partition(":")[2] for text in options.get("output") or ()]
    paths = (expand_home(name, environ) for name in names if name not in ("", "-"))
    return tuple(path.absolute() for path in paths if is_name(path))


class _ErrorCollector:
    """Collects the errors of several calls, so that all problems are reported at once."""

    def __init__(self) -> None:
        self.problems: list[OvenbirdError] = []

    def __call__(self, call: Callable[[], T], otherwise: T) -> T:
        try:
            return call()
        except BuildRequestError as error:
            self.problems.append(error)
            return otherwise

    def call_each(self, texts: tuple[str, ...], call: Callable[[str], T]) -> tuple[T, ...]:
        results: list[T | None] = [self(partial(call, text), None) for text in texts]
        return tuple(result for result in results if result is not None)

    def finish(self) -> None:
        if not self.problems:
            return
        first = self.problems[0]
        if len(self.problems) == 1:
            raise first
        kind = type(first) if len({type(error) for error in self.problems}) == 1 else BuildRequestError
        raise kind("\n  ".join(["the request has several problems:", *map(str, self.problems)]))


def _make_request(
    check: _ErrorCollector,
    target: function_target.FunctionTarget,
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    build_secrets: tuple[BuildSecret, ...],
    tags: tuple[ImageReference, ...],
) -> BuildRequest:
    """Return the request with each option parsed by itself; what `check` collects has an empty value."""
    function, names = target.function, [secret.name for secret in build_secrets]
    return BuildRequest(
        **{name: options[name] for name in _AS_GIVEN},
        function=function,
        document=target.document,
        tags=tags or (_derive_tag(function),),
        outputs=check(lambda: _parse_outputs(options), ()),
        python=check(lambda: function_target.choose_python_version(function, options["python"]), ""),
        base=check(lambda: _parse_base(options["base"], function), ""),
        requirements=check.call_each(options["requirements"], lambda text: _resolve_file(text, "--requirements")),
        constraints=check.call_each(options["constraints"], lambda text: _resolve_file(text, "--constraints")),
        extras=options["extra"],
        extra_index_urls=options["extra_index_url"],
        instructions=check(lambda: _parse_instructions(function, options["instruction"], names), ()),
        secrets=build_secrets,
        locker=check(lambda: _check_choice(options["locker"] or "pip-tools", "--locker", ("pip-tools", "uv")), ""),
        platforms=check(lambda: _parse_platforms(options["platform"]), ()),
        compression=check(
            lambda: _check_choice(options["compression"] or "zstd", "--compression", ("zstd", "gzip")), ""
        ),
        cache=check(lambda: find_cache(options["cache_dir"], environ), Path()),
        network=check(
            lambda: read_network_settings(options["ca_bundle"], environ, options["allow_host"]), NetworkSettings()
        ),
        timeout=check(lambda: _parse_timeout(options["timeout"] or _HOUR), 0.0),
        epoch=check(lambda: _parse_epoch(environ.get("SOURCE_DATE_EPOCH", "")), None),
        result_file=Path(options["result_file"]) if options["result_file"] else None,
        list_source=options["list"],
        slim_keep=tuple(sorted(set(check.call_each(options["slim_keep"], _parse_package)))),
        notes=(*options.get("notes", ()), *(f"function document: {text}" for text in function.unknown)),
        products=_list_products(options, environ),
        allow=check(lambda: parse_allow(options["allow"], function), ()),
        labels=check(lambda: label_names.parse_pairs("--label", options["label"]), {}),
        annotations=check(lambda: label_names.parse_pairs("--annotation", options["annotation"]), {}),
    )


def _check_paths(check: _ErrorCollector, request: BuildRequest, inputs: tuple[Path, ...]) -> None:
    """Reject an output in the place of an input, and a cache within the source."""
    for destination in request.outputs:
        check(partial(check_destination, destination, inputs), None)
    if request.cache != Path():  # else the error is collected already
        check(lambda: check_apart(request.cache, function_target.list_function_folders(request.function)), None)


def _check_combinations(
    check: _ErrorCollector, request: BuildRequest, tags: Sequence[ImageReference], *, explicit: bool
) -> None:
    """Reject combinations of options that are each valid alone. `tags` are those of `--tag` that parse."""

    def wrong(text: str, hint: str = "") -> None:
        check.problems.append(BuildRequestError(text, hint=hint))

    if request.pushes and not explicit:
        wrong("--push: no name to push to", "`--tag registry.example.com/app:1`")
    for tag in tags if request.pushes else ():
        if tag.digest:
            wrong(f"--tag: {show_value(str(tag))} has a digest, which only the built image can say")
        elif not tag.host and "/" not in tag.path:
            wrong(
                f"--push: {show_value(str(tag))} has no registry",
                f"`registry.example.com/{tag.path}`, `docker.io/USER/{tag.path}`",
            )
    if request.write_back and not request.document:
        wrong("--write-back: the target is not a function document, so there is no `spec.image` to set")
    if request.write_back and not request.pushes:
        wrong("`--write-back` needs `--push`: only a registry gives a digest that others can fetch")
    if len(request.platforms) > 1 and any(
        destination.kind in ("store", "docker-archive") for destination in request.outputs
    ):
        wrong("--platform: several platforms make an index, which goes to a registry, `oci:` or `oci-archive:` only")
    foreign = [name for name in request.platforms if name != detect_platform()]
    if foreign and request.instructions:
        wrong(f"`--platform {foreign[0]}`: an instruction cannot run on this machine ({detect_platform()})")
    if request.slim_keep and not request.slim:
        wrong("`--slim-keep` needs `--slim`: without it every package keeps its files")
    if request.offline and request.pushes:
        wrong("`--offline` and `--push` exclude each other", "`--output oci-archive:FILE`")


def detect_platform() -> str:
    """Return the platform of this machine, as images name it."""
    return _MACHINES.get(machine.machine(), f"linux/{machine.machine()}")


def _derive_tag(function: FunctionSpec) -> ImageReference:
    name = re.sub(r"[^a-z0-9]+", "-", function.name.lower()).strip("-") or "function"
    return ImageReference("", name, "latest")


def _parse_base(flag: str, function: FunctionSpec) -> str:
    """Return the base of the flag or the document, empty for the default. Errors: ReferenceFormatError."""
    name = flag or function.base_image
    if name:
        check_form(name, "--base" if flag else "spec.base_image")
    return name


def _parse_outputs(options: Mapping[str, Any]) -> tuple[Destination, ...]:
    destinations = [parse_destination(text) for text in options["output"]]
    destinations += [parse_destination("registry")] if options["push"] else []
    several = len(_split_platforms(options["platform"])) > 1
    if not destinations and several:
        raise BuildRequestError("--platform: an index of several platforms needs `--push` or `--output oci:DIR`")
    return tuple(dict.fromkeys(destinations)) or (parse_destination("store"),)


def _parse_instructions(
    function: FunctionSpec, flags: tuple[str, ...], names: Sequence[str]
) -> tuple[RunInstruction, ...]:
    written = (function.raw.get("spec") or {}).get("instructions") or []
    if not isinstance(written, list):
        raise BuildRequestError(f"spec.instructions: expected a list, found {show_value(written)}")
    return (
        *run_instruction.parse_instructions(written, "spec.instructions", names),
        *run_instruction.parse_instructions(
            [run_instruction.parse_instruction_flag(text) for text in flags], "--instruction", names
        ),
    )


def _split_platforms(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _parse_platforms(text: str) -> tuple[str, ...]:
    platforms = _split_platforms(text) or (detect_platform(),)
    for name in platforms:
        _check_choice(name, "--platform", _PLATFORMS)
    return platforms


def _check_choice(text: str, flag: str, words: tuple[str, ...]) -> str:
    if text not in words:
        raise BuildRequestError(f"{flag}: expected one of {', '.join(words)}, found {show_value(text)}")
    return text


def _resolve_file(text: str, flag: str) -> Path:
    if not is_file(text):
        raise BuildRequestError(f"{flag}: no file {show_value(text)}")
    return Path(text).resolve()


def _parse_package(text: str) -> str:
    """Return the normalised name of a package. Errors: BuildRequestError."""
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", text):
        raise BuildRequestError(
            f"--slim-keep: expected the name of a package, found {show_value(text)}", hint="`--slim-keep torch`"
        )
    return re.sub(r"[-_.]+", "-", text).lower()


def _parse_timeout(text: str) -> float:
    return parse_flag(parse_duration, text, "--timeout")


def _parse_epoch(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) > _LAST_SECOND:
        raise BuildRequestError(
            "SOURCE_DATE_EPOCH: expected whole seconds since 1970, up to the end of the year 9999,"
            f" found {show_value(text)}"
        )
    return int(text)
