"""`ovenbird check` and `ovenbird invoke`: look at a function, and call it once, without serving it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.text import show_value
from ..errors import ArgumentsError, HandlerError, HandlerTimeoutError, SettingsError, SignatureError
from ..function.handler import Handler
from ..function.loader import load

if TYPE_CHECKING:
    from ..function.target import Target
    from ..logging_config import LogHandler
    from ..settings import Settings


def check(target: Target, settings: Settings, name: str, *, as_json: bool) -> int:
    """Print the contract of a function and return the exit status. `name` is the target as it was typed.

    A function that a job can call and a service cannot, as it takes an entity, is described as a job.
    """
    from ..function.binder import JOB
    from ..function.describe import describe, describe_job, describe_service, text

    with _stdout_for_data():
        loaded = load(target)
        job = Handler(loaded, JOB, fields_only=True)
        try:
            handler = Handler(loaded)
            service = describe_service(handler, settings.port)
        except SignatureError as error:
            handler, service = job, {"example": None, "refused": f"cannot be served: {error.message}"}
        description = describe(handler, settings.init)
        description |= {"service": service, "job": describe_job(job, name)}
    if as_json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(description)).decode())
    else:
        print(text(description))
    return 0


def invoke(
    target: Target, settings: Settings, lines: LogHandler, asked: Mapping[str, Any], open_project: Callable[[], Any]
) -> int:
    """Call a function once; the exit status. `asked` holds data, header, content_type, method and path.

    The body of the answer goes to stdout, its status to stderr when it is not 2xx.
    """
    from ..serve import in_process

    body = _data(asked["data"])
    headers = [_header(text) for text in asked["header"] or ()]
    if body and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", asked["content_type"]))
    method = asked["method"] or ("POST" if body else "GET")
    with _stdout_for_data():
        handler = Handler(load(target))
        answer = in_process.invoke(
            handler, settings, lines, in_process.InProcessRequest(body, method, asked["path"], tuple(headers)),
            open_project,
        )  # fmt: skip
    sys.stdout.buffer.write(bytes(answer.body))
    if answer.body and not answer.body.endswith(b"\n") and sys.stdout.isatty():
        print()
    sys.stdout.flush()
    if answer.status < 400:
        return 0
    sys.stderr.write(f"status {answer.status}\n")
    if answer.status == 504:
        return HandlerTimeoutError.exit_code
    return HandlerError.exit_code if answer.status >= 500 else ArgumentsError.exit_code


@contextlib.contextmanager
def _stdout_for_data() -> Iterator[None]:
    """What the user's code, or a process that it starts, prints meanwhile goes to stderr: stdout is for our answer."""
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


def _data(text: str | None) -> bytes:
    if text is None:
        return b""
    if not text.startswith("@"):
        return text.encode()
    if text == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise SettingsError(f"--data: cannot read {show_value(text[1:])}: {error.strerror}") from None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise SettingsError(f"--header: expected 'Name: value', found {show_value(text)}")
    if not text.isascii():
        raise SettingsError(
            f"--header: expected ASCII, found {show_value(text)}", hint="encode it, for example as %C3%A9"
        )
    return name.strip(), value.strip()
