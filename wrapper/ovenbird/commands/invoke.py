"""`ovenbird invoke`: call a function once, in this process, and print its answer."""

from __future__ import annotations

import sys
from pathlib import Path

from ..command_line.data_stdout import reserve_stdout
from ..common.text import show_value
from ..errors import ArgumentsError, HandlerError, HandlerTimeoutError, SettingsError
from ..function.handler import Handler
from ..function.loader import load
from .verb_call import VerbCall, make_project_opener


def main(call: VerbCall) -> int:
    """Call the function once and return the exit status.

    The body of the answer goes to stdout, its status to stderr when it is not 2xx.
    """
    from ..serve import in_process

    target, flags = call.find_target(), call.flags
    body = _read_data(flags["data"])
    headers = [_parse_header(text) for text in flags["header"] or ()]
    if body and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", flags["content_type"]))
    method = flags["method"] or ("POST" if body else "GET")
    request = in_process.InProcessRequest(body, method, flags["path"], tuple(headers))
    with reserve_stdout():
        handler = Handler(load(target))
        answer = in_process.invoke(
            handler, call.settings, call.lines, request, make_project_opener(target, call.settings)
        )
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


def _read_data(text: str | None) -> bytes:
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


def _parse_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise SettingsError(f"--header: expected 'Name: value', found {show_value(text)}")
    if not text.isascii():
        raise SettingsError(
            f"--header: expected ASCII, found {show_value(text)}", hint="encode it, for example as `%C3%A9`"
        )
    return name.strip(), value.strip()
