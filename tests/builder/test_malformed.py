"""Malformed requests of a build end with one message and a status of the request."""

from __future__ import annotations

import argparse
import datetime
import os
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.refusals import succeeds
from tests.toml_mutations import VALUES, paths

from ovenbird.common.source_limits import read_limits
from ovenbird_builder.commands import options
from ovenbird_builder.errors import BuildRequestError
from ovenbird_builder.host.network import read_network_settings
from ovenbird_builder.request.build_options import TABLE, FlagSpec
from ovenbird_builder.request.build_request import BuildRequest, parse_request

ODD = (
    "\x00",
    "a\x00b",
    "\n",
    "a\nb",
    "\x1b[31m",
    "\u202e",
    "\udcff",
    "x" * 300,
    "x" * 100_000,
    "9" * 300,
    "1" * 5000,
    "-1",
    "1e999",
    "nan",
    "inf",
    "\u0661",
    "\u0663.\u0661\u0662",
    "\xb2",
    "\uff11",
    "=",
    "a=",
    "=a",
    "a=b=c",
    "{",
    "[",
    "{}",
    "[]",
    "null",
    "[" * 100_000,
    '{"run": 1}',
    '{"run": "x", "secrets": 5}',
    '{"run": "x", "\\u0000": 1}',
    "~",
    "~nobody/x",
    "..",
    "/",
    "//",
    ".",
    "/dev/null",
    "/proc/self/mem",
    "a" * 255 + "/" + "b" * 255,
    "https://",
    "http://[::1",
    "oci:",
    "oci:\x00",
    "oci-archive:",
    "docker-archive:x:y:z",
    "registry:x",
    "x@sha256:" + "0" * 63,
    "x@sha256:" + "0" * 64,
    "x:" + "t" * 129,
    "X/y",
    "x//y",
    "x:y:z",
    "\u0661.\u0662",
    "linux/\u0661",
    "pip\u2010tools",
    "none",
    "a,b,,c",
    ",",
    " ",
)


def parse_command(folder: Path, *argv: str, **environ: str) -> BuildRequest:
    parser = argparse.ArgumentParser(exit_on_error=False)
    options.add(parser, "build")
    flags = options.read_flags(parser.parse_args([str(folder / "function.yaml"), *argv]), environ)
    return parse_request(flags, {"HOME": str(folder), **environ})


def check_call(label: str, call: Callable[..., object], *args: Any, **environ: str) -> bool:
    """Return whether a call succeeds; otherwise it has a status of the request or of the function document."""
    return succeeds(partial(call, *args, **environ), label, 71, *range(20, 30))


DOCUMENT: dict[str, Any] = {
    "name": "f", "kind": "python", "project": "p", "metadata": {"name": "f"},
    "spec": {
        "source": {"source": ".", "handler": "main:fn", "init_function": "init"},
        "python_version": "PYTHON3_12", "image": "r/app:1", "base_image": "r/base:1", "requirements": ["kiwi"],
        "instructions": [{"run": "true", "after": "base", "network": True, "secrets": [], "env": {}, "cache": []}],
        "init_parameters": {"a": 1}, "replicas": 1, "env": {"A": "b"},
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text("def fn(): ...\ndef init(context): ...\n")
    (tmp_path / "function.yaml").write_text(yaml.safe_dump(DOCUMENT))
    return tmp_path


@pytest.mark.slow
def test_function_documents(folder: Path) -> None:
    """Every field of a function document, by every type."""
    for path in paths(DOCUMENT):
        for value in (*(value for value in VALUES if type(value) is not datetime.time), None, "9" * 300):
            changed = deepcopy(DOCUMENT)
            section: Any = changed
            for key in path[:-1]:
                section = section[key]
            section[path[-1]] = value
            (folder / "function.yaml").write_text(yaml.safe_dump(changed))
            check_call(f"{path} = {value!r:.60}", parse_command, folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "option", [option for option in TABLE if "build" in option.verbs], ids=lambda option: option.name
)
def test_each_setting(folder: Path, option: FlagSpec) -> None:
    """As a flag and as a variable: NUL, other digits, hundreds of digits, over-long names."""
    for text in ODD:
        if not option.switch:
            check_call(f"{option.flag}={text!r:.60}", parse_command, folder, f"{option.flag}={text}")
        if "\0" not in text and "\udcff" not in text:
            check_call(f"{option.variable}={text!r:.60}", parse_command, folder, **{option.variable: text})


@pytest.mark.parametrize("text", ODD)
def test_targets_and_limits(folder: Path, text: str) -> None:
    """A target, and the variables without a flag."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    options.add(parser, "build")
    for target in (text, f"{text}.py", f"{text}.yaml", f"main.py:{text}", f"{text}:fn"):
        flags = options.read_flags(parser.parse_args(["--", target]), {})
        check_call(f"{target!r:.60}", parse_request, flags, {"HOME": str(folder)})
    for name in ("SOURCE_DATE_EPOCH", "OVENBIRD_SOURCE_LIMIT", "OVENBIRD_SOURCE_FILES"):
        check_call(f"{name}={text!r:.60}", parse_command, folder, **{name: text})
        check_call(f"{name}={text!r:.60}", read_limits, {name: text}, BuildRequestError)
    check_call(f"--ca-bundle {text!r:.60}", read_network_settings, text, {})
    check_call(f"--allow-host {text!r:.60}", read_network_settings, "", {"OVENBIRD_ALLOW_HOST": text})


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b"\x00",
        b"\xff\xfe",
        b"\x80" * 99,
        b"a: &a [*a]",
        b"{" * 5000,
        b"- " * 5000,
        b"? " * 900,
        b"!!python/name:os.system",
        b"a: " + b"9" * 9000,
        b"<<: *x",
        b"a: !!binary x",
        b"---\n---\n",
        b"a: 2020-99-99",
        os.urandom(500),
        b"",
        b"5",
    ],
)
def test_malformed_documents_are_refused(folder: Path, content: bytes) -> None:
    """Other encodings, circles, deep nesting, tags, several documents."""
    (folder / "function.yaml").write_bytes(content)
    check_call(repr(content[:40]), parse_command, folder)
