"""The parsers of the builder: requirements, locks, archives, wheels, references, registries, manifests."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import struct
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import urllib3

from ovenbird.common import git_url
from ovenbird.common.source_limits import SourceLimits, read_limits
from ovenbird.common.units import parse_duration
from ovenbird.function_document import parse as parse_yaml
from ovenbird_builder.attestations import image_packages
from ovenbird_builder.build import layer_diff, writeback
from ovenbird_builder.host.flag_values import parse_flag
from ovenbird_builder.kubernetes import cron, overrides, quantity, task
from ovenbird_builder.layers import InstallScheme, elf, image_manifest, wheel
from ovenbird_builder.locking import lockfile, pylock, requirement_line, requirements_file
from ovenbird_builder.locking.projects import pyproject
from ovenbird_builder.locking.wheelhouse import Wheel, describe_wheel
from ovenbird_builder.oci import reference
from ovenbird_builder.registry import auth_config, insecure
from ovenbird_builder.registry.bearer_auth import BearerAuth
from ovenbird_builder.request import destination, run_instruction
from ovenbird_builder.sources import archive, path_rules
from ovenbird_builder.sources import submodule_url as submodules
from ovenbird_builder.sources.dockerignore import DockerIgnore
from ovenbird_builder.sources.ignore import IgnoreRules
from ovenbird_builder.sources.secret_search import search_tree
from tests.fuzz.parser import Parser
from tests.fuzz.parsers.runtime import _JSON, _URL, _YAML, FUNCTION, ZIP, text

_LIMITS = SourceLimits(size=16 * 1024 * 1024, files=1000)
_ENVIRONMENT = {
    "implementation_name": "cpython", "implementation_version": "3.12.1", "os_name": "posix",
    "platform_machine": "x86_64", "platform_python_implementation": "CPython", "platform_release": "",
    "platform_system": "Linux", "platform_version": "", "python_full_version": "3.12.1", "python_version": "3.12",
    "sys_platform": "linux",
}  # fmt: skip
_SCHEME = InstallScheme(
    "/usr/lib/python3.12/site-packages", "/usr/lib/python3.12/site-packages", "/usr/bin", "/usr",
    "/usr/include/python3.12", "/usr/bin/python3",
)  # fmt: skip


def _file(name: str, read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    """Return a parser that writes its input to a file and reads that."""

    def parse(data: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(data)
        return read(path)

    return parse


def _requirement(data: bytes, folder: Path) -> None:
    requirement_line.parse_requirement(text(data), "--requirement", folder)


def _pyproject(path: Path) -> None:
    pyproject.read_pyproject(path, ())
    pyproject.read_pyproject(path, ("web", "all"))


def _inline(data: bytes, folder: Path) -> None:
    pyproject.read_inline_metadata(data.decode("utf-8", "replace"), "main.py", folder)


def _installed(path: Path) -> None:
    name = "demo-1.0-py3-none-any.whl"
    with wheel.open_installation(Wheel("demo", "1.0", name, path, "0" * 64), _SCHEME) as installation:
        for item in installation.items:
            assert item.path.startswith("/usr/"), f"{item.path} leaves its place"
            if item.size < 2**20:
                with item.open() as stream:
                    stream.read(2**20)


def _wheel_metadata(path: Path) -> None:
    image_packages.read_package(path, sha256="0" * 64)
    wheel.list_contents(path)


def _wheel_name(data: bytes, folder: Path) -> None:
    name = text(data).replace("/", "_").replace("\0", "_")
    describe_wheel(folder / name, "0" * 64)


def _build_zip(data: bytes, folder: Path) -> None:
    path, unpacked = folder / "source.zip", Path(tempfile.mkdtemp(dir=folder))
    path.write_bytes(data)
    tree = unpacked / "tree"
    tree.mkdir()
    try:
        archive.unpack(path, tree, "zip+https://example.com/source.zip", _LIMITS, FUNCTION)
        assert [entry.name for entry in unpacked.iterdir()] == ["tree"], "a member left its folder"
    finally:
        shutil.rmtree(unpacked)


class _Entries:
    """Takes the entries of a tar and reads their content, as a layer does."""

    def add_entry(self, info: Any, content: Any) -> None:
        if content is not None:
            while content.read(65536):
                pass


def _step_tar(path: Path) -> None:
    layer_diff.normalise_layer(path, _Entries(), 0)


def _ignore(data: bytes, folder: Path) -> None:
    (folder / ".gitignore").write_bytes(data)
    rules = IgnoreRules((".gitignore",)).enter(folder, "")
    for path in ("main.py", "data/", "data/a b.csv", "a" * 200 + ".py", "x/" * 50, ".env"):
        rules.ignores(path)


def _dockerignore(data: bytes, folder: Path) -> None:
    (folder / ".dockerignore").write_bytes(data)
    rules = DockerIgnore.read(folder)
    for path in ("main.py", "data", "data/a b.csv", "a" * 200 + ".py", "x/" * 50 + "x", ".env"):
        rules.match(path)
        rules.reaches(path)


def _member_name(data: bytes, _: Path) -> None:
    name = path_rules.check_member(text(data), "source.zip")
    assert not name.startswith("/")
    assert ".." not in name.split("/")


def _submodule(data: bytes, _: Path) -> None:
    for base in ("https://example.com/team/repo.git", "git+ssh://git@example.com/repo"):
        submodules.resolve_submodule(git_url.parse(base), text(data), "lib")


def _strip(data: bytes, _: Path) -> None:
    assert len(elf.strip_symbols(data)) <= len(data)


def _reference(data: bytes, _: Path) -> None:
    parsed = reference.parse_reference(text(data))
    assert reference.parse_reference(str(parsed)) == parsed, "a reference is not read back as what it is"


def _settings(data: bytes, _: Path) -> None:
    value = text(data)
    for parse in (
        lambda text: parse_flag(parse_duration, text, "--timeout"),
        destination.parse_destination,
        lambda text: read_limits({"OVENBIRD_SOURCE_LIMIT": text}),
        lambda text: read_limits({"OVENBIRD_SOURCE_FILES": text}),
        lambda text: run_instruction.parse_instructions(
            [run_instruction.parse_instruction_flag(text)], "--instruction"
        ),
        lambda text: overrides.apply([{"kind": "Deployment", "spec": {"containers": [{"name": "a"}]}}], [text]),
        cron.find_problem,
        lambda text: [quantity.find_problem(field, text) for field in ("cpu", "mem", "gpu", "disk")],
    ):
        with contextlib.suppress(_expected()):
            parse(value)


def _expected() -> type[Exception]:
    from ovenbird.errors import OvenbirdError

    return OvenbirdError


def _task(path: Path) -> None:
    action, fields = task.read_task(path)
    task.check(fields, action or "serve")


def _write_back(path: Path) -> None:
    with contextlib.suppress(UnicodeDecodeError):  # `document.read` has refused it before
        if isinstance(parse_yaml(path.read_bytes().decode(), path.name).get("spec"), dict):
            writeback.write_image(path, "registry.example.com/team/app@sha256:" + "0" * 64)


def _auth_file(path: Path) -> None:
    for name in ("registry.example.com/team/app:1", "python:3.12"):
        with contextlib.suppress(_expected()):
            auth_config.find_login(reference.parse_reference(name), {"REGISTRY_AUTH_FILE": str(path), "PATH": ""})


def _registries(path: Path) -> None:
    insecure.is_insecure("registry.example.com", {"CONTAINERS_REGISTRIES_CONF": str(path), "HOME": "/nonexistent"})


def _manifest(data: bytes, _: Path) -> None:
    image_manifest.choose_platform(data, "amd64")
    image_manifest.predict_image(
        data,
        b'{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[]}}',
        [],
        image_manifest.ConfigChanges(),
        {},
        0,
    )


def _config(data: bytes, _: Path) -> None:
    manifest = {"schemaVersion": 2, "config": {"digest": "sha256:" + "0" * 64, "size": 2}, "layers": []}
    image_manifest.predict_image(
        json.dumps(manifest).encode(), data, [], image_manifest.ConfigChanges(env={"A": "b"}), {}, 0
    )


class _TokenServer(BaseHTTPRequestHandler):
    """A proxy that answers all requests by itself, with the bytes at hand: no mutated address leaves this machine."""

    content = b"{}"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.send_error(403)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@functools.cache
def _token_pool() -> urllib3.PoolManager:
    server = HTTPServer(("127.0.0.1", 0), _TokenServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return urllib3.ProxyManager(f"http://127.0.0.1:{server.server_port}", retries=False, timeout=5)


def _challenge(data: bytes, _: Path) -> None:
    """Parse a challenge in the first line; the rest is the answer of the token server."""
    head, _, _TokenServer.content = data.partition(b"\n")
    for login in (None, auth_config.RegistryLogin("user", "secret"), auth_config.RegistryLogin(token="secret")):
        BearerAuth(_token_pool(), login, "team/app").answer_challenge(head.decode("latin-1"), write=True)


def _search(path: Path) -> object:
    """Search a source of one file; each finding has a line of it."""
    findings = search_tree(path.parent, lambda digest, search: search())
    assert all(finding.line >= 1 for finding in findings)
    return findings


_SECRETS = (
    b"-----BEGIN ", b"PRIVATE KEY-----", b"\n", b"\\n", b'"auths": {"a": {"auth": "', b"kind: Config\n", b"  token: ",
    b"AKIA", b"ghp_", b"A" * 40, b"\xff\xfe", b"\xfe\xff", b"\0", b"\xef\xbb\xbf", b"LS0tLS1CRUdJTiB",
)  # fmt: skip


_LINES = (
    b"\\\n", b"-r ", b"-e ", b"-c ", b"--index-url ", b"--hash=sha256:" + b"0" * 64, b" @ ", b"git+https://", b"file:",
    b"==", b">=", b"~=", b";", b"[", b"]", b" and ", b"python_version", b"extra == 'a'", b"#egg=", b"../", b".whl",
)  # fmt: skip
_TOML = (
    b"[", b"]", b"[[", b"]]", b"=", b"{", b"}", b'"""', b"'''", b"1979-05-27", b"inf", b"0x", b"true", b"dependencies",
    b"optional-dependencies", b"dynamic", b"requires-python", b"marker", b"hashes", b"wheels", b"sdist", b"name",
)  # fmt: skip
_ELF_NUMBERS = tuple(struct.pack("<Q", number) for number in (0, 1, 56, 64, 2**31, 2**32, 2**63, 2**64 - 1))

PARSERS = (
    Parser("requirement", _requirement, _LINES),
    Parser(
        "requirements",
        _file("requirements.txt", lambda path: requirements_file.read_requirements(path, path.parent)),
        _LINES,
    ),
    Parser("pyproject", _file("pyproject.toml", _pyproject), (*_TOML, *_LINES)),
    Parser("inline-metadata", _inline, (*_TOML, *_LINES, b"# /// script\n", b"# ///\n", b"# ")),
    Parser("pylock", _file("pylock.toml", lambda path: pylock.read_pylock(path, _ENVIRONMENT)), (*_TOML, *_LINES)),
    Parser(
        "function-lock", _file("function.lock", lockfile.read_lock), (*_LINES, b"# via ", b"# from ", b"# python: ")
    ),
    Parser("wheel", _file("wheel.whl", _installed), ZIP),
    Parser("wheel-metadata", _file("wheel.whl", _wheel_metadata), ZIP),
    Parser("wheel-name", _wheel_name, (b"-", b".whl", b"-py3-none-any.whl", b"1.0", b"!", b"+")),
    Parser("build-zip", _build_zip, ZIP),
    Parser("step-tar", _file("step.tar", _step_tar), (b"ustar\0", b"0", b"x", b"L", b"g", b"1", b"size=", b"path=")),
    Parser("gitignore", _ignore, (b"**", b"*", b"!", b"/", b"\\", b"[", b"]", b"[!", b"?", b"[a-", b"**/")),
    Parser(
        "dockerignore", _dockerignore, (b"**", b"**/", b"!", b"[^", b"[", b"]", b"\\\\", b"?", b"#", b"/", b"..", b"\n")
    ),
    Parser("member-name", _member_name, (b"/", b"..", b".wh.", b"C:", b"\\", b".", b"//")),
    Parser("submodule-url", _submodule, (*_URL, b"../", b"./", b"git@", b"::")),
    Parser("secret-search", _file("file.txt", _search), _SECRETS),
    Parser("elf", _strip, _ELF_NUMBERS),
    Parser("image-reference", _reference, (b"/", b":", b"@sha256:", b"0" * 64, b"localhost", b"-", b"__", b"[::1]")),
    Parser(
        "build-setting", _settings, (*_JSON, b"Deployment.", b"[name=a]", b"[0]", b"=", b"ms", b"Gi", b"oci:", b"*/")
    ),
    Parser("task", _file("task.yaml", _task), (*_YAML, b"volumes", b"resources", b"envs", b"secrets", b"python+job")),
    Parser("write-back", _file("function.yaml", _write_back), (*_YAML, b"image: a", b"spec:\n", b"# c", b"\r\n")),
    Parser("auth-file", _file("auth.json", _auth_file), (*_JSON, b'"auths"', b'"auth"', b'"credsStore"')),
    Parser("registries-conf", _file("registries.conf", _registries), (*_TOML, b"registry", b"insecure", b"prefix")),
    Parser("image-manifest", _manifest, (*_JSON, b'"manifests"', b'"layers"', b'"mediaType"', b'"platform"')),
    Parser("image-config", _config, (*_JSON, b'"rootfs"', b'"diff_ids"', b'"history"', b'"config"', b'"Env"')),
    Parser("registry-challenge", _challenge, (*_JSON, b"Bearer ", b"Basic ", b'realm="', b'",', b'scope="', b"\n")),
)
