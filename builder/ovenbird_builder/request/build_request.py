"""Turn a target and its flags into one Request, with every problem told at once. Nothing is fetched here."""

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
from .destination import Destination, check_destination, output
from .run_instruction import RunInstruction

_PLATFORMS = ("linux/amd64", "linux/arm64")
_HERE = {"x86_64": "linux/amd64", "aarch64": "linux/arm64", "arm64": "linux/arm64"}
_HOUR = "1h"
_LAST_SECOND = 253402300799  # of the year 9999: the last one that a date in an image can tell
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What is asked for: the function, what it is made with, and where it goes. Times in seconds; 0 is no limit.

    `document` is the path of the function document, None without one. `epoch` is SOURCE_DATE_EPOCH, None where the
    environment does not set it. `bundled` is the source where a bundle brings it,
    `locks` the folder of the locks that it brings. `products` are the files and folders that the build itself reads or
    writes, which are no part of a source. `allow` are the paths in the source that may hold what looks like a secret.
    `label_names` and `annotations` are the user's own.
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

    @property
    def pushes(self) -> bool:
        """Whether something goes to a registry."""
        return any(one.kind == "registry" for one in self.outputs)


def request(given: Mapping[str, Any], environ: Mapping[str, str]) -> BuildRequest:
    """The request of what was given (see `options.given`).

    Errors: the one problem as it is, or a BuildRequestError that lists all of them; DocumentError.
    """
    named = function_target.named(given["target"], given["source"])
    given = _with_name(given, named.function)
    check = _ErrorCollector()
    function = named.function
    if given["strict"]:
        refuse_unknown_fields(function)
    nothing: tuple[BuildSecret, ...] = ()
    found = check(lambda: secrets.parse_secrets(given["secret"], environ), nothing)
    names = [secret.name for secret in found]
    named_tags = check.each(given["tag"], reference.parse_reference)
    made = BuildRequest(
        function=function,
        document=named.document,
        tags=named_tags or (_default_tag(function),),
        outputs=check(lambda: _outputs(given), ()),
        python=check(lambda: function_target.version_of(function, given["python"]), ""),
        base=check(lambda: _base(given["base"], function), ""),
        registry=given["registry"],
        requirement=given["requirement"],
        requirements=check.each(given["requirements"], lambda text: _file(text, "--requirements")),
        constraints=check.each(given["constraints"], lambda text: _file(text, "--constraints")),
        extras=given["extra"],
        index_url=given["index_url"],
        extra_index_urls=given["extra_index_url"],
        instructions=check(lambda: _instructions(function, given["instruction"], names), ()),
        secrets=found,
        locker=check(lambda: _word(given["locker"] or "pip-tools", "--locker", ("pip-tools", "uv")), ""),
        platforms=check(lambda: _platforms(given["platform"]), ()),
        compression=check(lambda: _word(given["compression"] or "zstd", "--compression", ("zstd", "gzip")), ""),
        cache=check(lambda: find_cache(given["cache_dir"], environ), Path()),
        network=check(
            lambda: read_network_settings(given["ca_bundle"], environ, given["allow_host"]), NetworkSettings()
        ),
        authfile=given["authfile"],
        creds_file=given["creds_file"],
        timeout=check(lambda: _timeout(given["timeout"] or _HOUR), 0.0),
        epoch=check(lambda: _epoch(environ.get("SOURCE_DATE_EPOCH", "")), None),
        offline=given["offline"],
        result_file=Path(given["result_file"]) if given["result_file"] else None,
        dry_run=given["dry_run"],
        explain=given["explain"],
        list_source=given["list"],
        check=given["check"],
        write_back=given["write_back"],
        notes=(*given.get("notes", ()), *(f"function document: {text}" for text in function.unknown)),
        products=_products(given, environ),
        allow=check(lambda: parse_allow(given["allow"], function), ()),
        labels=check(lambda: label_names.parse_pairs("--label", given["label"]), {}),
        annotations=check(lambda: label_names.parse_pairs("--annotation", given["annotation"]), {}),
    )
    inputs = list_input_files(given)
    for place in made.outputs:
        check(partial(check_destination, place, inputs), None)
    if made.cache != Path():  # else it is told already that there is none
        check(lambda: check_apart(made.cache, function_target.function_folders(function)), None)
    _together(check, made, named_tags, explicit=bool(given["tag"]))
    check.finish()
    return made


def _with_name(given: Mapping[str, Any], function: FunctionSpec) -> Mapping[str, Any]:
    """Return what was given with `{name}` in tags and outputs as the function's name, as images may be called."""
    name = _default_tag(function).path
    return {**given, **{key: tuple(text.replace("{name}", name) for text in given[key]) for key in ("tag", "output")}}


def list_input_files(given: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the files that a call reads, as far as its flags name them: no output takes the place of one."""
    names = [given["target"].partition(":")[0], *given["requirements"], *given["constraints"]]
    names += [given.get(name) or "" for name in ("bundle", "authfile", "creds_file", "ca_bundle")]
    names += [text.partition("=")[2] for text in given["secret"]]
    return tuple(Path(name) for name in names if name)


def _products(given: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the paths that the flags name for the build's own use: results, images, bundles, cache, credentials."""
    names = [
        given.get(name) or ""
        for name in ("result_file", "cache_dir", "bundle", "out", "authfile", "creds_file", "dotenv_file")
    ]
    names += [text.partition(":")[2] for text in given.get("output") or ()]
    paths = (expand_home(name, environ) for name in names if name not in ("", "-"))
    return tuple(path.absolute() for path in paths if is_name(path))


class _ErrorCollector:
    """Calls what may fail, keeps the problem, and goes on, so that people hear of all problems at once."""

    def __init__(self) -> None:
        self.problems: list[OvenbirdError] = []

    def __call__(self, call: Callable[[], T], otherwise: T) -> T:
        try:
            return call()
        except BuildRequestError as error:
            self.problems.append(error)
            return otherwise

    def each(self, texts: tuple[str, ...], call: Callable[[str], T]) -> tuple[T, ...]:
        found: list[T | None] = [self(partial(call, text), None) for text in texts]
        return tuple(one for one in found if one is not None)

    def finish(self) -> None:
        if not self.problems:
            return
        first = self.problems[0]
        if len(self.problems) == 1:
            raise first
        kind = type(first) if len({type(error) for error in self.problems}) == 1 else BuildRequestError
        raise kind("\n  ".join(["the request has several problems:", *map(str, self.problems)]))


def _together(check: _ErrorCollector, made: BuildRequest, tags: Sequence[ImageReference], *, explicit: bool) -> None:
    """Add what fits alone and not together; `tags` are those that were named and parse, as each has one reason."""

    def wrong(text: str, hint: str = "") -> None:
        check.problems.append(BuildRequestError(text, hint=hint))

    if made.pushes and not explicit:
        wrong("--push: no name to push to", "--tag registry.example.com/app:1")
    for tag in tags if made.pushes else ():
        if tag.digest:
            wrong(f"--tag: {show_value(str(tag))} has a digest, which only the built image can say")
        elif not tag.host and "/" not in tag.path:
            wrong(
                f"--push: {show_value(str(tag))} has no registry",
                f"registry.example.com/{tag.path}, docker.io/USER/{tag.path}",
            )
    if made.write_back and not made.document:
        wrong("--write-back: the target is not a function document, so there is no spec.image to set")
    if made.write_back and not made.pushes:
        wrong("--write-back needs --push: only a registry gives a digest that others can fetch")
    if len(made.platforms) > 1 and any(one.kind in ("store", "docker-archive") for one in made.outputs):
        wrong("--platform: several platforms make an index, which goes to a registry, oci: or oci-archive: only")
    foreign = [name for name in made.platforms if name != here()]
    if foreign and made.instructions:
        wrong(f"--platform {foreign[0]}: an instruction cannot run on this machine ({here()})")
    if made.offline and made.pushes:
        wrong("--offline and --push exclude each other", "--output oci-archive:FILE")


def here() -> str:
    """The platform of this machine, as images name it."""
    return _HERE.get(machine.machine(), f"linux/{machine.machine()}")


def _default_tag(function: FunctionSpec) -> ImageReference:
    name = re.sub(r"[^a-z0-9]+", "-", function.name.lower()).strip("-") or "function"
    return ImageReference("", name, "latest")


def _base(flag: str, function: FunctionSpec) -> str:
    """The base that is asked for, empty for the default. Errors: ReferenceFormatError."""
    name = flag or function.base_image
    if name:
        check_form(name, "--base" if flag else "spec.base_image")
    return name


def _outputs(given: Mapping[str, Any]) -> tuple[Destination, ...]:
    found = [output(text) for text in given["output"]]
    found += [output("registry")] if given["push"] else []
    several = "," in given["platform"]
    if not found and several:
        raise BuildRequestError("--platform: an index of several platforms needs --push or --output oci:DIR")
    return tuple(dict.fromkeys(found)) or (output("store"),)


def _instructions(function: FunctionSpec, flags: tuple[str, ...], names: Sequence[str]) -> tuple[RunInstruction, ...]:
    written = (function.raw.get("spec") or {}).get("instructions") or []
    if not isinstance(written, list):
        raise BuildRequestError(f"spec.instructions: expected a list, found {show_value(written)}")
    return (
        *run_instruction.parse(written, "spec.instructions", names),
        *run_instruction.parse([run_instruction.from_flag(text) for text in flags], "--instruction", names),
    )


def _platforms(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip())) or (here(),)
    for name in found:
        _word(name, "--platform", _PLATFORMS)
    return found


def _word(text: str, flag: str, words: tuple[str, ...]) -> str:
    if text not in words:
        raise BuildRequestError(f"{flag}: expected one of {', '.join(words)}, found {show_value(text)}")
    return text


def _file(text: str, flag: str) -> Path:
    if not is_file(text):
        raise BuildRequestError(f"{flag}: no file {show_value(text)}")
    return Path(text).resolve()


def _timeout(text: str) -> float:
    return parse_flag(parse_duration, text, "--timeout")


def _epoch(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) > _LAST_SECOND:
        raise BuildRequestError(
            "SOURCE_DATE_EPOCH: expected whole seconds since 1970, up to the end of the year 9999,"
            f" found {show_value(text)}"
        )
    return int(text)
