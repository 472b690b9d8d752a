"""Write a planned call as a command of curl and as a program in Python: what the page sends, to be pasted elsewhere."""

from __future__ import annotations

import re
import shlex
from typing import Any

from ...page.field import NO_DEFAULT
from .call_form import Layout
from .call_plan import CallPlan, ChosenFile

_PLAIN = re.compile(r"[\w./+-]+")
_INDENT = "    "


def format_curl(plan: CallPlan, base: str, headers: dict[str, str], *, token: bool) -> str:
    """Return the command. `base`: the URL of the service; `token`: whether it needs one, which is `$TOKEN` then.

    It can be pasted into any POSIX shell, whatever was typed.
    """
    words = ["curl"]
    if plan.streams:
        words.append("-N")
    if plan.method == "HEAD":
        words.append("-I")
    elif plan.method != ("POST" if plan.content is not None else "GET"):
        words += ["-X", plan.method]
    words.append(shlex.quote(_join_url(base, plan.path)))
    if token:
        words.append('-H "authorization: Bearer $TOKEN"')
    words += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in {**plan.headers, **headers}.items()]
    return " \\\n  ".join(_group(words + _format_content(plan)))


def format_python(plan: CallPlan, base: str, headers: dict[str, str], *, token: bool) -> str:
    """Return the program. It uses `ovenbird.Client`, and calls a function that has a contract by its arguments."""
    options = [repr(base)]
    if token:
        options.append('api_key=os.environ["TOKEN"]')
    is_raw = plan.arguments is NO_DEFAULT or plan.layout is Layout.QUERY
    if headers and not is_raw:
        options.append(f"headers={headers!r}")
    body = _format_request(plan, headers) if is_raw else _format_call(plan)
    text = "\n".join([f"with ovenbird.Client({', '.join(options)}) as client:", *(_INDENT + line for line in body)])
    imports = [
        *(["import os"] if token else []),
        *(["from pathlib import Path"] if "Path(" in text else []),
        "",
        "import ovenbird",
        "",
    ]
    return "\n".join([*imports, text]).lstrip("\n")


def _join_url(base: str, path: str) -> str:
    return base if not path else f"{base.rstrip('/')}/{path}" if not path.startswith("?") else f"{base}{path}"


def _group(words: list[str]) -> list[str]:
    """Return the words as lines: what is short comes first, on one line."""
    count = next((index for index, word in enumerate(words) if word.startswith(("-H", "-F", "--"))), len(words))
    return [" ".join(words[:count]), *words[count:]]


def _format_content(plan: CallPlan) -> list[str]:
    content = plan.content
    if content is None:
        return []
    if isinstance(content, ChosenFile):
        return [f"--data-binary {shlex.quote('@' + content.name)}"]
    if isinstance(content, list):
        return [_format_part(name, value) for name, value in content]
    text = shlex.quote(content)
    for placeholder, part in plan.encoded.items():  # leaves the quotes, so that the shell puts the bytes in
        text = text.replace(placeholder, f"'\"$(base64 -w0 {_quote_inside(part.name)})\"'")
    return [f"--data-raw {text}"]


def _format_part(name: str, value: str | ChosenFile) -> str:
    """Return one part of a form. `--form-string` takes `@`, `<` and `;` for what they are."""
    if isinstance(value, str):
        return f"--form-string {shlex.quote(f'{name}={value}')}"
    escaped = value.name.replace("\\", "\\\\").replace('"', '\\"')
    path = value.name if _PLAIN.fullmatch(value.name) else f'"{escaped}"'
    return f"-F {shlex.quote(f'{name}=@{path}')}"


def _quote_inside(name: str) -> str:
    """Return a file name within `"$(…)"`, where quotes nest."""
    return shlex.quote(name if not name.startswith("-") else f"./{name}")


def _format_request(plan: CallPlan, headers: dict[str, str]) -> list[str]:
    """Return the lines of a raw request."""
    words = [repr(plan.method), repr(plan.path)]
    all_headers = {**plan.headers, **headers}
    if all_headers:
        words.append(f"headers={all_headers!r}")
    if isinstance(plan.content, str):
        words.append(f"body={plan.content!r}.encode()")
    elif isinstance(plan.content, ChosenFile):
        words.append(f"body=Path({plan.content.name!r})")
    return [f"answer = client.request({', '.join(words)})", "print(answer.status, answer.value)"]


def _format_call(plan: CallPlan) -> list[str]:
    """Return the lines of a call by the contract."""
    arguments = _list_arguments(plan)
    single = f"({', '.join(arguments)})"
    lines = [single] if len(single) <= 80 else ["(", *(f"{_INDENT}{word}," for word in arguments), ")"]
    if plan.streams:
        lines = [f"with client.stream{lines[0]}", *lines[1:]]
        lines[-1] += " as items:"
        return [*lines, f"{_INDENT}for item in items:", f"{_INDENT * 2}print(item)"]
    return [f"result = client.call{lines[0]}", *lines[1:], "print(result)"]


def _list_arguments(plan: CallPlan) -> list[str]:
    value = plan.arguments
    if plan.layout in (Layout.PAYLOAD, Layout.VALUE) or not all(name.isidentifier() for name in value):
        return [_format_value(value, plan)]
    return [f"{name}={_format_value(part, plan)}" for name, part in value.items()]


def _format_value(value: Any, plan: CallPlan) -> str:
    """Return a value as Python writes it; a file is a path, and its bytes where they become text in JSON."""
    if isinstance(value, ChosenFile):
        is_bytes = value in plan.encoded.values()
        return f"Path({value.name!r}).read_bytes()" if is_bytes else f"Path({value.name!r})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_format_value(part, plan)}' for name, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_format_value(part, plan) for part in value)}]"
    return repr(value)
