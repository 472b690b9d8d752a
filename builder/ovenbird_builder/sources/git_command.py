"""git, through GitPython, started by our own `process`: a fixed environment, a time limit, and nothing left behind.

GitPython's own way to start it hands on this process's whole environment, and ends a hung fetch only where `pgrep` or
`ps` is installed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import git.cmd
from msgspec import Struct

from ovenbird.common.git_url import GitSource, find_credentials
from ovenbird.common.private_files import make_private_file
from ovenbird.common.redact import redact_text
from ovenbird.common.source_url import Credentials

from ..host import process
from .fetcher import FetchRequest
from .submodule_url import list_protocols

# what the user may have set on purpose; every other GIT_ variable (a hook's GIT_DIR, a trace, a config) is dropped
_ALLOWED_VARIABLES = re.compile(r"GIT_(SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|SSL_\w+|LFS_SKIP_SMUDGE|HTTP_\w+)")
# of the user's configuration: how to reach a server and log in, and nothing else that runs
_SECTIONS = ("credential.", "http.", "url.", "safe.directory", "core.sshcommand", "ssh.variant")
_HELPER = """!f() { if test "$1" = get; then printf 'username=%s\\npassword=%s\\n' "$OVENBIRD_GIT_USERNAME" \
"$OVENBIRD_GIT_PASSWORD"; fi; }; f"""
_OURS = (
    ("core.hookspath", "/dev/null"), ("core.fsmonitor", "false"), ("core.autocrlf", "false"), ("core.symlinks", "true"),
    ("core.attributesfile", "/dev/null"), ("core.quotepath", "false"), ("gc.auto", "0"), ("maintenance.auto", "false"),
    ("fetch.recursesubmodules", "false"), ("submodule.recurse", "false"), ("init.defaultbranch", "main"),
    ("http.lowspeedlimit", "1"), ("http.lowspeedtime", "60"), ("advice.detachedhead", "false"),
)  # fmt: skip
_LFS = (
    ("filter.lfs.smudge", "git-lfs smudge -- %f"), ("filter.lfs.process", "git-lfs filter-process"),
    ("filter.lfs.required", "true"),
)  # fmt: skip

_REASON = re.compile(r"^(fatal|error|ERROR|remote|ssh): |host key verification failed|permission denied", re.I)


class GitEnvironment(Struct, frozen=True):
    """What each run of git gets: its whole environment, the values never to show, the seconds left, whether LFS is."""

    env: Mapping[str, str]
    secrets: tuple[str, ...]
    remaining: Callable[[], float]
    lfs: bool


class Git(git.cmd.Git):
    """GitPython's command line in one folder, run in a fixed environment; methods are git's verbs, and give stdout.

    Errors: process.ProcessFailedError.
    """

    def __init__(self, folder: Path, environment: GitEnvironment, line: Callable[[str], None] | None = None) -> None:
        super().__init__(str(folder))
        self.folder, self.surroundings, self.line = folder, environment, line

    def execute(self, command: Any, **_: Any) -> str:  # type: ignore[override]  # a flag of its chooses the type
        """Run a command line and return its stdout."""
        environment = self.surroundings
        result = process.run(
            command,
            env=environment.env,
            cwd=self.folder,
            timeout=environment.remaining(),
            secrets=environment.secrets,
            line=self.line,
        )
        return result.stdout


def prepare_environment(order: FetchRequest, source: GitSource) -> GitEnvironment:
    """Return the environment for one source. Write git's configuration beside the folder of the request."""
    login = find_credentials(source, order.environ)
    env = {
        name: value
        for name, value in order.environ.items()
        if not name.startswith("GIT_") or _ALLOWED_VARIABLES.fullmatch(name)
    }
    env.pop("SSH_ASKPASS", None)  # it would open a window
    env |= order.network.make_host_env()
    lfs = shutil.which("git-lfs", path=env.get("PATH")) is not None
    path = order.work.parent / "gitconfig"
    make_private_file(path)
    users = _read_user_config(env, order)
    path.write_text(_format_config(users, source, login, lfs), encoding="utf-8", errors="surrogateescape")
    env |= {
        "GIT_CONFIG_GLOBAL": str(path), "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "file" if order.offline else list_protocols(source),
        "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_CEILING_DIRECTORIES": str(order.work.parent),  # not the repository that the folder may lie in
        "GCM_INTERACTIVE": "never", "LC_ALL": "C", "LANGUAGE": "C",
    }  # fmt: skip
    env.setdefault("GIT_ASKPASS", "")
    env.setdefault("HOME", "/nonexistent")
    if not {"GIT_SSH", "GIT_SSH_COMMAND"} & set(env) and "core.sshcommand" not in dict(users):
        env["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes -o ConnectTimeout=20"
    if login:
        env |= {"OVENBIRD_GIT_USERNAME": login.username, "OVENBIRD_GIT_PASSWORD": login.password}
    secrets = (*order.network.list_secrets(), *((login.username, login.password) if login else ()))
    hidden = tuple(word for word in secrets if word not in ("oauth2", "x-oauth-basic"))
    return GitEnvironment(env, hidden, lambda: order.check_deadline(source.display_url), lfs)


def list_refs(git: Git, source: GitSource) -> dict[str, str]:
    """Return each reference of the repository -> its object; an annotated tag -> the object that it points to."""
    refs: dict[str, str] = {}
    for line in str(git.ls_remote("--quiet", "--", source.url)).splitlines():
        match = re.fullmatch(r"([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)", line)
        if match:
            refs[match[2].removesuffix("^{}")] = match[1]  # the peeled one comes after its tag
    return refs


def describe_failure(error: process.ProcessFailedError) -> str:
    """Return the reason that git gave, in one line and without credentials."""
    lines = [redact_text(line.strip()) for line in error.output.splitlines() if line.strip()]
    reasons = [line for line in lines if _REASON.search(line)] or lines[-1:]
    return "; ".join(line.partition(": ")[2] or line for line in reasons[:3])[:500] or error.message


def _read_user_config(env: Mapping[str, str], order: FetchRequest) -> list[tuple[str, str]]:
    """Return the entries of the user's and the system's configuration that say how to reach a server."""
    entries: list[tuple[str, str]] = []
    for scope in ("--system", "--global"):
        command = ["git", "config", scope, "--includes", "--null", "--list"]
        result = process.run(command, env=env, cwd=order.work, timeout=20, check=False)
        for entry in result.stdout.split("\0"):
            name, _, value = entry.partition("\n")
            if not name.startswith(_SECTIONS):
                continue
            if name.startswith("credential.") and name.endswith("helper") and not value.strip():
                entries = [item for item in entries if item[0] != name]  # an empty one drops those before it
                continue
            entries.append((name, value.rstrip("\n") if name != entry.rstrip("\n") else "true"))
    return entries


def _format_config(users: list[tuple[str, str]], source: GitSource, login: Credentials | None, lfs: bool) -> str:
    entries = [(f"credential.{source.origin}.helper", _HELPER)] if login else []  # first: it is asked first
    entries += [*users, *_OURS, *(_LFS if lfs else ())]
    return "".join(_format_entry(name, value) for name, value in entries)


def _format_entry(name: str, value: str) -> str:
    section, _, rest = name.partition(".")
    middle, _, key = rest.rpartition(".")
    head = f'[{section} "{_escape(middle)}"]' if middle else f"[{section}]"
    return f'{head}\n{key} = "{_escape(value)}"\n'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
