"""Settings of `run` or `serve` -> how a container of the function's image is run with them. Pure but for paths.

What the caller names on this machine is mounted, the rest goes as variables: by name alone, so that no value stands in
the argv of the engine. Inputs, the store and the files store keep their paths, so that what is recorded is true outside
too; where such a path belongs to the image's own system, an input moves below `/run/ovenbird`.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovenbird import settings as table
from ovenbird.common.named_paths import describe_broken_link
from ovenbird.common.text import show_value
from ovenbird.common.user_folders import expand_home
from ovenbird.settings import Settings

from ..errors import BuildRequestError

ROOM = "/run/ovenbird"  # where what has no path of its own is mounted
_URL = re.compile(r"[a-z][a-z0-9+.-]*://")
# folders of an image: nothing of this machine is mounted over them, nor over what holds them
_IMAGE = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/proc", "/run", "/sbin",
          "/shared", "/sys", "/usr")  # fmt: skip
# what the platform, object stores, tracing, OpenLineage, MLflow and proxies are told by; paths of this machine lead
# nowhere in there
_HANDED = re.compile(
    r"(DHCORE|DB|AWS|AZURE|GOOGLE|S3|OTEL|OPENLINEAGE|MLFLOW)_\w+|OAUTH2_TOKEN_ENDPOINT|OVENBIRD_(STORE|MLFLOW)|DH_NAME|PROJECT_NAME|RUN_ID|TRACEPARENT|TRACESTATE|TZ"
    r"|(HTTPS?|FTP|ALL|NO)_PROXY|(https?|ftp|all|no)_proxy"
)
_LOCAL = re.compile(r"\w+(_FILE|_BUNDLE|_CREDENTIALS)|MLFLOW_\w+_PATH|OPENLINEAGE_CONFIG")
_OURS = ("container", "image", "engine", "env", "env_file")  # rows that are for the launcher
_UNPRIVILEGED = 1024


class Mount(Struct, frozen=True):
    """A file or folder of this machine, and where the container has it."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class ContainerRunSpec:
    """How a container is run: `environ` holds values (never shown), `words` what follows the image."""

    words: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)
    mounts: tuple[Mount, ...]
    publish: str = ""


def make_run_spec(
    verb: str, settings: Settings, flags: Mapping[str, Any], environ: Mapping[str, str], *, terminal: bool = False
) -> ContainerRunSpec:
    """Return how a verb runs in a container. `flags` are those given, as text; `terminal`: whether people read stderr.

    Folders that are written to are made. Errors: BuildRequestError for what a container cannot do, or cannot be given.
    """
    _check_settings(settings)
    mounts: list[Mount] = []
    values = _collect_variables(verb, settings, flags, environ)
    if settings.log_format == "auto" and terminal:
        values["OVENBIRD_LOG_FORMAT"] = "text"  # within, stderr is a pipe
    home = _make_folder(environ.get("OVENBIRD_HOME") or ".ovenbird", "OVENBIRD_HOME", ignored=True)
    mounts.append(_make_same_mount(home, "OVENBIRD_HOME"))
    values["OVENBIRD_HOME"] = str(home)
    values |= _mount_files_store(settings, environ, mounts) | _mount_credentials(settings, environ, mounts)
    publish = ""
    if verb == "serve":
        publish, port = _choose_port(settings)
        values |= {"OVENBIRD_HOST": "0.0.0.0", "OVENBIRD_PORT": port}  # noqa: S104  # all addresses of the container
    else:
        values |= _mount_files(settings, mounts)
    # parameters stay flags: a flag's text is converted by the type hints, and a variable's is JSON
    words = [f"--{name}={text}" for name in ("param", "grid") for text in flags.get(name) or ()]
    return ContainerRunSpec((verb, *words), values, tuple(dict.fromkeys(mounts)), publish)


def _check_settings(settings: Settings) -> None:
    if settings.source:
        raise BuildRequestError(
            "`--source` and `--container` exclude each other: the image holds the code", hint="build it anew"
        )
    if settings.reload:
        raise BuildRequestError("`--reload` and `--container` exclude each other: the code in an image does not change")


def _collect_variables(
    verb: str, settings: Settings, flags: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, str]:
    """Return variables for what was set, by a flag or a variable, and for what the function reads by itself."""
    values = {name: value for name, value in environ.items() if _is_handed(name, value)}
    for row in table.options(verb):
        if row.name in _OURS:
            continue
        name = table.variable(row)
        if isinstance(flags.get(row.name), str):
            values[name] = flags[row.name]
        elif text := next((environ[name] for name in table.variables(row) if environ.get(name)), ""):
            values[name] = text
    if settings.tag:
        values["OVENBIRD_TAG"] = json.dumps(settings.tag)
    if settings.init:
        values["OVENBIRD_INIT_PARAMETERS"] = json.dumps(settings.init)  # may be secrets: not in argv
    for name in settings.env:
        if name not in environ:
            raise BuildRequestError(f"--env: the variable {show_value(name)} is not set")
        values[name] = environ[name]
    return values


def _mount_files(settings: Settings, mounts: list[Mount]) -> dict[str, str]:
    """Return variables for what a run reads and writes on this machine, which is mounted."""
    values = {}
    if settings.input:
        values["OVENBIRD_INPUT"] = json.dumps(
            {name: _mount_input(name, text, mounts) for name, text in settings.input.items()}
        )
    if settings.each == "-":
        raise BuildRequestError(
            "`--each -` and `--container` exclude each other: stdin stays outside", hint="`--each FILE`"
        )
    for name, text in (("params", settings.params), ("each", settings.each)):
        if text:
            path = _find_existing(text, f"--{name}")
            mounts.append(Mount(path, f"{ROOM}/{name}/{path.name}"))
            values[f"OVENBIRD_{name.upper()}"] = mounts[-1].target
    if settings.result_file == "-":
        values["OVENBIRD_RESULT_FILE"] = "-"
    elif settings.result_file:
        path = Path(settings.result_file).absolute()
        mounts.append(Mount(_make_folder(str(path.parent), "--result-file"), f"{ROOM}/result", True))
        values["OVENBIRD_RESULT_FILE"] = f"{ROOM}/result/{path.name}"
    if settings.output_dir:
        mounts.append(Mount(_make_folder(settings.output_dir, "--output-dir"), f"{ROOM}/output", True))
        values["OVENBIRD_OUTPUT_DIR"] = f"{ROOM}/output"
    return values


def _is_handed(name: str, value: str) -> bool:
    """Return whether a variable of this machine is true in a container too."""
    if name == "MLFLOW_TRACKING_URI" and not value.startswith(("http://", "https://")):  # files, or a database in one
        return False
    return bool(_HANDED.fullmatch(name)) and not _LOCAL.fullmatch(name)


def _mount_files_store(settings: Settings, environ: Mapping[str, str], mounts: list[Mount]) -> dict[str, str]:
    """Return variables for a store of files that is a folder of this machine, which is mounted."""
    values = {}
    for origin, name, text in (
        ("--files-store", "OVENBIRD_FILES_STORE", settings.files_store),
        ("DHCORE_DEFAULT_FILES_STORE", "DHCORE_DEFAULT_FILES_STORE", environ.get("DHCORE_DEFAULT_FILES_STORE", "")),
    ):
        if text and not _URL.match(text):
            mounts.append(_make_same_mount(_make_folder(text, origin), origin))
            values[name] = str(mounts[-1].source)
    return values


def _mount_credentials(settings: Settings, environ: Mapping[str, str], mounts: list[Mount]) -> dict[str, str]:
    """Return a variable for the platform's file of credentials, which is mounted where that platform is used."""
    path = expand_home(environ.get("DH_CONFIG") or "~/.dhcore.ini", environ).absolute()
    if settings.platform == "local" or not (settings.platform == "core" or environ.get("DHCORE_ENDPOINT")):
        return {}
    if not path.is_file():
        return {}
    mounts.append(Mount(path, f"{ROOM}/dhcore.ini"))
    return {"DH_CONFIG": mounts[-1].target}


def _mount_input(name: str, text: str, mounts: list[Mount]) -> str:
    """Return an input as the container gets it: a path of this machine is mounted, all else stays."""
    if _URL.match(text) and not text.startswith("file://"):
        return text
    if not text:
        raise BuildRequestError(f"the value of the input {show_value(name)} is empty", hint="`.` is the current folder")
    path = _find_existing(text.removeprefix("file://"), f"--input {name}")
    target = f"{ROOM}/input/{name}/{path.name}" if _is_system(path) else str(path)
    mounts.append(Mount(path, target))
    return target


def _make_same_mount(path: Path, origin: str) -> Mount:
    """Return a folder under its own path. Errors: BuildRequestError where the image has its own system there."""
    if _is_system(path):
        raise BuildRequestError(
            f"{origin}: {show_value(str(path))} cannot be mounted: it would cover the image's own files"
        )
    return Mount(path, str(path), True)


def _is_system(path: Path) -> bool:
    """Return whether a path of this machine would cover the image's own system, or lie within it."""
    return any(path.is_relative_to(folder) or Path(folder).is_relative_to(path) for folder in _IMAGE)


def _find_existing(text: str, origin: str) -> Path:
    path = Path(os.path.expanduser(text)).absolute()  # noqa: PTH111  # which keeps what it cannot expand
    if not path.exists():
        raise BuildRequestError(f"{origin}: no file {show_value(text)}")
    return path


def _make_folder(text: str, origin: str, *, ignored: bool = False) -> Path:
    """Return a folder that can be written to, made where it is missing.

    `ignored`: by git, as the store makes its own.
    """
    path = Path(os.path.expanduser(text.removeprefix("file://"))).absolute()  # noqa: PTH111  # as above
    try:
        if not path.is_dir():
            path.mkdir(parents=True)
            if ignored:
                (path / ".gitignore").write_text("*\n", encoding="ascii")
    except OSError as error:
        reason = describe_broken_link(path) or error.strerror
        raise BuildRequestError(f"{origin}: cannot make the folder {show_value(text)}: {reason}") from None
    return path


def _choose_port(settings: Settings) -> tuple[str, str]:
    """Return `ADDRESS:PORT:PORT` for the engine, and the port within: the same, so that the log has the right URL."""
    try:
        # as `serve` itself does: the first address of the name, its port taken to see that it can be had
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            host, port = sock.getsockname()[:2]
    except OSError as error:
        raise BuildRequestError(
            f"cannot publish on {settings.host}:{settings.port}: {error.strerror or error}",
            hint="another process may have the port: `--port N`; `--port 0` takes a free one",
        ) from None
    within = port if port >= _UNPRIVILEGED else 8080  # not every engine lets a user take a port below
    return f"{f'[{host}]' if ':' in host else host}:{port}:{within}", str(within)


def make_argv(engine: Iterable[str], image: str, spec: ContainerRunSpec) -> tuple[str, ...]:
    """Return the command of a run: `engine` is the program with its own flags, up to what both engines understand."""
    return (
        *engine,
        *(word for mount in spec.mounts for word in ("--mount", _mount(mount))),
        *(word for name in sorted(spec.environ) for word in ("--env", name)),
        *(("--publish", spec.publish) if spec.publish else ()),
        image,
        *spec.words,
    )


def _mount(mount: Mount) -> str:
    """Return a mount as both engines read it: one line of CSV."""
    fields = ["type=bind", f"source={mount.source}", f"target={mount.target}"]
    fields += [] if mount.writable else ["readonly"]
    return ",".join('"' + text.replace('"', '""') + '"' if set(text) & set(',"') else text for text in fields)
