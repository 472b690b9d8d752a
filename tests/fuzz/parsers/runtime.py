"""The parsers of the runtime: documents, targets, keys, settings, addresses, records."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ovenbird import function_document, settings, trace_context
from ovenbird.command_line.env_file import read_env_file
from ovenbird.common import git_refs, git_url, source_url
from ovenbird.common.source_limits import SourceLimits
from ovenbird.errors import OvenbirdError, SettingsError
from ovenbird.function import cloudevent, docstring, target
from ovenbird.job import indexed_parameters, parameters
from ovenbird.job.sources import download
from ovenbird.page import form_html, form_values, schema_fields
from ovenbird.platform import keys
from ovenbird.platform.core import credentials, serialization
from ovenbird.platform.local import database
from ovenbird.processor import config
from tests.fuzz.parser import Parser

_YAML = (
    b"&a ", b"*a", b"- ", b": ", b"? ", b"!!python/object:", b"!!binary ", b"!!float ", b"!!int ", b"!!timestamp ",
    b"<<: *a\n", b"|\n", b"%YAML 1.1\n", b"---\n", b"...\n", b"~", b"true", b"2024-13-45", b"0o7", b"1:60", b"[", b"]",
    b"{", b"}", b"spec", b"source", b"handler", b"base64", b"python_version", b"requirements",
)  # fmt: skip
_JSON = (b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b'""', b"1e400", b'"\\ud800"', b"-0", b"{}", b"[]")
_URL = (
    b"://", b"@", b"user:password@", b"#", b"?", b"&", b"=", b"[::1]", b"[", b"]", b":99999", b"%00", b"%0a", b"..",
    b"git+", b"zip+", b"https", b"ssh", b"file", b"ext::", b"subdirectory=", b"--upload-pack=", b".lock", b"@{",
    b"HEAD",
)  # fmt: skip

FUNCTION = function_document.FunctionSpec(Path(), "f", "mod:f", source="zip+https://example.com/source.zip")


def text(data: bytes) -> str:
    """Return the input as the text of an argument: what is not UTF-8 comes as lone surrogates, as Python has it."""
    return os.fsdecode(data)


def _document(data: bytes, folder: Path) -> None:
    path = folder / "function.yaml"
    path.write_bytes(data)
    function_document.read(path)


def _target(data: bytes, folder: Path) -> None:
    with contextlib.chdir(folder) if hasattr(contextlib, "chdir") else contextlib.nullcontext():
        target.parse(text(data))


def _key(data: bytes, _: Path) -> None:
    key = keys.parse_key(text(data))
    assert keys.parse_key(str(key)) == key, "a key is not read back as what it is"
    assert not {"", ".", ".."} & {key.project, key.kind, key.name}, "a key leads to another folder"


def _setting(data: bytes, _: Path) -> None:
    value = text(data)
    for verb in ("serve", "run"):
        for row in settings.options(verb):
            with contextlib.suppress(SettingsError):
                settings.resolve(verb, {row.name: [value] if row.metadata["many"] else value}, {})
            with contextlib.suppress(SettingsError):
                settings.resolve(verb, {}, {settings.variables(row)[0]: value})


def _url(data: bytes, _: Path) -> None:
    parts = source_url.split(text(data))
    source_url.url_credentials(parts)
    for url in (source_url.display_url(parts), source_url.strip_credentials(parts)):
        if parts.hostname and parts.username is not None:
            assert source_url.split(url).username is None, "a login is shown"


def _git_url(data: bytes, _: Path) -> None:
    url = git_url.parse(text(data))
    git_url.find_credentials(url, {})
    git_refs.resolve_ref({"HEAD": "a" * 40, "refs/heads/main": "a" * 40, "refs/tags/v1": "b" * 40}, url)


def _netrc(data: bytes, folder: Path) -> None:
    path = folder / "netrc"
    path.write_bytes(data)
    path.chmod(0o600)
    source_url.netrc_login("example.com", {"NETRC": str(path)})


def _env_file(data: bytes, folder: Path) -> None:
    path = folder / "env"
    path.write_bytes(data)
    for name, value in read_env_file(str(path), {"KNOWN": "1"}).items():
        assert "\0" not in name + value, "no process can be given this"
        assert "=" not in name, "a name holds a value"


def _traceparent(data: bytes, _: Path) -> None:
    context = trace_context.from_traceparent(data)
    assert trace_context.from_traceparent(context.traceparent.encode()).parent_id == context.span_id


def _cloud_event(data: bytes, _: Path) -> None:
    from ovenbird.function.binder import MalformedPayloadError, parse_json

    try:
        event = cloudevent.from_json(parse_json(data))
    except (ValueError, MalformedPayloadError):  # what its callers turn into a 400
        return
    cloudevent.to_json(event)


def _record(data: bytes, folder: Path) -> None:
    database.unpack_record(data, folder)


def _parameters(name: str) -> Callable[[bytes, Path], object]:
    def parse(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data)
        parameters.from_file(str(path))

    return parse


def _line(data: bytes, folder: Path) -> None:
    path = folder / "lines.jsonl"
    path.write_bytes(data)
    indexed_parameters.read_line(str(path), 1)


def _processor(data: bytes, folder: Path) -> None:
    path = folder / "processor.yaml"
    path.write_bytes(data)
    config.read(path)


def _profile(data: bytes, folder: Path) -> None:
    path = folder / "profile.ini"
    path.write_bytes(data)
    credentials.list_credential_sources({"HOME": str(folder), "DH_CONFIG": str(path)})


def _source_archive(data: bytes, folder: Path) -> None:
    archive, unpacked = folder / "source.zip", Path(tempfile.mkdtemp(dir=folder))
    archive.write_bytes(data)
    try:
        download.unpack(archive, unpacked / "tree", FUNCTION, SourceLimits(2**24, 1000))
        assert not list(unpacked.glob("[!t]*")), "a member left its folder"
    finally:
        shutil.rmtree(unpacked)


def _function_reference(data: bytes, _: Path) -> None:
    key = serialization.parse_function(text(data))
    if key:
        with contextlib.suppress(OvenbirdError):
            serialization.format_function(key)


_ITEMS = {"type": "array", "items": {"type": "number"}}
_FIELDS = schema_fields.make_fields(
    {
        "properties": {
            "integer": {"type": "integer", "minimum": 0}, "number": {"type": "number"},
            "choice": {"enum": ["a", 1, None]},
            "text": {"type": "string", "pattern": "^[a-z]+$"}, "date": {"type": "string", "format": "date"},
            "moment": {"type": "string", "format": "date-time"}, "time": {"type": "string", "format": "time"},
            "list": _ITEMS, "node": {"$ref": "#/$defs/Node"}, "any": {},
        },
        "additionalProperties": True,
        "$defs": {"Node": {"properties": {"items": _ITEMS, "next": {"$ref": "#/$defs/Node"}}, "type": "object"}},
    }
)  # fmt: skip


def _filled_form(data: bytes, _: Path) -> None:
    typed = data.decode("utf-8", "replace")
    result = form_values.parse_form(_FIELDS, [(field.name, typed) for field in _FIELDS])
    assert set(result.typed) == {field.name for field in _FIELDS}, "what was typed does not stay"
    json.dumps(result.values, allow_nan=False)
    form_html.render_fields(_FIELDS, result.typed, result.errors)


def _docstring(data: bytes, _: Path) -> None:
    prose, arguments = docstring.split_docstring(data.decode("utf-8", "replace"))
    assert not [name for name in arguments if not name.isidentifier()], "a name that no argument has"
    assert "\n" not in "".join(arguments.values())
    assert isinstance(prose, str)


TAR = (
    b"ustar\x0000", b"ustar  \0", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"0000644\0", b"77777777777", b"\xff" * 12,
    b"\x80" + bytes(11), b"30 path=", b"12 size=9\n", b"GNU.sparse.map=0,1\n", b"././@LongLink", b"../", b"./",
    bytes(512), *(bytes((kind,)) for kind in b"0123456LKSgxV"),
)  # fmt: skip
ZIP = (
    b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\x01\0", b"\x08\0", b"\x0c\0",
    b"\x0e\0", b"\x5d\0", b"\x08\x08", b"../", b"main.py", b"\xff\xff\xff\xff\xff\xff\xff\xff",
)  # fmt: skip

PARSERS = (
    Parser("function-document", _document, _YAML),
    Parser("target", _target, (b".py", b":", b".yaml", b"handler", b"..", b"~", b"main", b"/")),
    Parser("entity-key", _key, (b"store://", b"/", b":", b"run", b"dataitem", b"..", b".", b"python+job:run")),
    Parser("setting", _setting, (b"ms", b"MiB", b"kB", b"h", b".", b"=", b"auto", b"GET,", b"{", b"}", b"1" * 30)),
    Parser("source-url", _url, _URL),
    Parser("git-url", _git_url, _URL),
    Parser("netrc", _netrc, (b"machine ", b"login ", b"password ", b"default ", b"macdef ", b"example.com", b"\n\n")),
    Parser("env-file", _env_file, (b"'", b'"', b"\\", b"\n", b"#", b"=", b"export ", b"KNOWN", b"\xef\xbb\xbf", b"\r")),
    Parser("traceparent", _traceparent, (b"00-", b"ff-", b"-01", b"0" * 32, b"f" * 16)),
    Parser("cloud-event", _cloud_event, (*_JSON, b'"data_base64"', b'"time"', b'"specversion"', b'"1.0"', b'"id"')),
    Parser("store-record", _record, (*_JSON, b'"spec"', b'"path"', b'"~/"')),
    Parser("parameters-json", _parameters("parameters.json"), _JSON),
    Parser("parameters-yaml", _parameters("parameters.yaml"), _YAML),
    Parser("parameters-lines", _line, (*_JSON, b"\n", b"\n\n")),
    Parser("processor-document", _processor, (*_YAML, b"triggers", b"attributes", b"maxWorkers", b"event", b"kind")),
    Parser("profile", _profile, (b"[DEFAULT]", b"[", b"]", b"=", b"current_environment", b"\n  ", b"%(a)s")),
    Parser("filled-form", _filled_form, (*_JSON, b"2024-01-31", b"T12:00", b"Z", b"1_0", b"\n", b'"items"', b'"next"')),
    Parser(
        "docstring",
        _docstring,
        (b"Args:\n", b"Parameters\n", b"----\n", b":param ", b": ", b"    ", b"\n\n", b"**", b"(int)"),
    ),
    Parser("function-reference", _function_reference, (b"://", b"/", b":", b"store://", b"function")),
    Parser("source-zip", _source_archive, ZIP),
    Parser("source-tar", _source_archive, TAR),
)
