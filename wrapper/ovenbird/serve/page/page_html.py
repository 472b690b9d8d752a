"""Write the page of a service as HTML. Whatever comes from the user's code is escaped."""

from __future__ import annotations

import inspect
import textwrap
from html import escape
from typing import Any

from ... import __version__
from ...common.redact import is_secret_name
from ...common.text import cut_text, show_value
from ...function.binder import Parameter, PayloadMode
from ...function.docstring import split_docstring
from ...function.handler import Handler
from ...function.loader import LoadedFunction
from ...function.type_hints import hint_text, hints_of
from ...page.field import NO_DEFAULT, Field
from ...page.form_html import render_fields
from ...page.form_values import format_json
from .call_form import CallForm, Layout

_LONGEST = 200  # characters of a default that is shown
_ACCEPTED = (
    ("", "as it comes"), ("application/json", "JSON"), ("text/event-stream", "server-sent events"), ("text/csv", "CSV"),
    ("image/png", "PNG"),
)  # fmt: skip
_LINKS = '<a href="openapi.json">OpenAPI</a> \u00b7 <a href="metrics">metrics</a> \u00b7 '
_INTRODUCTIONS = {
    Layout.RAW: "The function reads the request itself, so it has no fields: any path, method and body reach it.",
}
_MODES = {
    PayloadMode.NONE: "It takes no arguments from a payload.",
    PayloadMode.RAW: "It gets the body as it came.",
    PayloadMode.WHOLE: "Its one argument is the whole payload.",
    PayloadMode.FIELDS: "Its arguments are fields of the payload: of JSON, of a form, of the query.",
}
_APPLICATION = (
    "This is an application of its own, so the runtime knows no contract. Any path, method and body reach it; it may "
    "have pages and a documentation of its own."
)


def render_page(handler: Handler, form: CallForm, *, public: bool) -> str:
    """Return the page as one HTML document. All its links are relative, so that it works behind any prefix.

    `public`: whether it has links to metrics and the OpenAPI document.
    """
    name = escape(handler.name)
    module = escape(handler.loaded.target.module)
    prose = split_docstring(_read_docstring(handler.loaded))[0]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{name} in {module} \u00b7 Ovenbird</title>
<link rel="icon" href="page/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="page/page.css">
<script src="page/page.js" type="module"></script>
</head>
<body>
<header>
<h1>{name} <small>in {module}</small></h1>
{_render_state()}
</header>
<main>
{_render_prose(prose)}
<div class="columns">
{_render_call(handler, form)}
<div class="answers">
{_render_answer()}
</div>
</div>
{_render_contract(handler, form)}
</main>
<footer><p>Served by Ovenbird {escape(__version__)}. {_LINKS if public else ""}<a href="ready">state</a></p></footer>
</body>
</html>
"""


def _read_docstring(loaded: LoadedFunction) -> str:
    """Return the docstring; of an object, that of its class where the user has written it: no framework's."""
    function = loaded.function
    if inspect.isroutine(function) or inspect.isclass(function) or type(function).__module__ == loaded.target.module:
        return inspect.getdoc(function) or ""
    return ""


def _render_state() -> str:
    figures = "".join(
        f'<div><dt>{label}</dt><dd data-figure="{name}">\u2013</dd></div>'
        for name, label in (
            ("calls", "calls"), ("failed", "failed"), ("running", "running"), ("waiting", "waiting"),
            ("mean", "mean time"), ("memory", "memory"),
        )
    )  # fmt: skip
    return (
        '<p class="state" role="status"><span class="dot" aria-hidden="true"></span> <span id="state">\u2026</span></p>'
        f'<dl class="figures" id="figures" hidden>{figures}</dl>'
    )


def _render_prose(prose: str) -> str:
    """Return a docstring as paragraphs; one whose lines are indented keeps its form."""
    parts = []
    for block in filter(None, (block.strip("\n") for block in prose.split("\n\n"))):
        is_code = any(line.startswith((" ", "\t", ">>>", "|")) for line in block.splitlines())
        text = escape(textwrap.dedent(block) if is_code else " ".join(block.split()))
        parts.append(f'<pre tabindex="0">{text}</pre>' if is_code else f"<p>{text}</p>")
    return f'<section class="about" aria-label="About">{"".join(parts)}</section>' if parts else ""


def _render_call(handler: Handler, form: CallForm) -> str:
    """Return the form. Only the script sends it: without one, nothing here calls the function."""
    text = _APPLICATION if handler.binder is None else _INTRODUCTIONS.get(form.layout, "")
    introduction = f"<p>{text}</p>" if text else ""
    fields = render_fields(form.fields) or ("" if text else "<p>The function takes no arguments.</p>")
    options = "".join(f'<option value="{value}">{label}</option>' for value, label in _ACCEPTED)
    return f"""<section aria-labelledby="call-title">
<h2 id="call-title">Call it</h2>
{introduction}
<noscript><p class="notice">Calling the function from this page needs JavaScript.</p></noscript>
<form id="call" novalidate autocomplete="off" data-layout="{form.layout.value}">
{fields}
<p class="error" id="form-error" role="alert" hidden></p>
<details class="options"><summary>Options</summary>
<div class="field"><label for="accept">answer as</label><select id="accept">{options}</select></div>
<div class="field"><label for="token"><span>token</span> <small class="kind">optional</small></label>
<input id="token" type="password" autocomplete="off" aria-describedby="token-help">
<small id="token-help" class="help">Sent as <code>Authorization: Bearer</code>. It stays in this page, and is in no line
below.</small></div>
</details>
<p class="actions"><button type="submit" id="send">Call</button>
<button type="button" id="cancel" class="secondary" hidden>Cancel</button>
<button type="reset" class="secondary">Reset</button></p>
</form>
</section>"""


def _render_answer() -> str:
    snippets = "".join(
        f'<figure class="snippet"><figcaption><span>{label}</span>'
        f'<button type="button" class="copy" data-copy="{name}">Copy<span class="hidden-text"> the {label} lines</span>'
        f'</button></figcaption><pre id="{name}" tabindex="0" aria-label="{label} lines"></pre></figure>'
        for name, label in (("curl", "curl"), ("python", "Python"))
    )
    return f"""<section id="answer" aria-labelledby="answer-title" hidden>
<h2 id="answer-title" tabindex="-1">Answer</h2>
<p><span id="status" role="status"></span> <span id="progress"></span></p>
<div id="notice" class="notice" hidden></div>
<div id="body"></div>
<p class="actions"><a id="download" class="button secondary" hidden>Download</a></p>
<details id="headers-box" hidden><summary>Headers</summary><dl id="headers" class="headers"></dl></details>
</section>
<section id="lines" aria-labelledby="lines-title" hidden>
<h2 id="lines-title">The same call elsewhere</h2>
{snippets}
</section>"""


def _render_contract(handler: Handler, form: CallForm) -> str:
    """Return the arguments as a table, and what is returned."""
    binder = handler.binder
    if binder is None:
        return ""
    fields = {field.name: field for field in form.fields}
    rows = "".join(_render_row(parameter, fields.get(parameter.name)) for parameter in binder.parameters)
    more = "<p>It takes further arguments by any name.</p>" if binder.takes_rest else ""
    table = (
        '<div class="scroll" tabindex="0" role="region" aria-label="Arguments"><table><thead><tr>'
        '<th scope="col">argument</th><th scope="col">type</th><th scope="col">default</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        if rows
        else ""
    )
    returns = hints_of(handler.call).get("return", Any)
    result = "" if returns is Any else f"<p>It returns <code>{escape(hint_text(returns))}</code>.</p>"
    lead = f"<p>The function is a <code>{escape(handler.shape.value)}</code>. {_MODES[binder.mode]}</p>"
    note = "<p>A CloudEvent reaches it, structured or binary.</p>" if binder.event_name else ""
    return (
        '<section class="contract" aria-labelledby="contract-title"><h2 id="contract-title">Contract</h2>'
        f"{lead}{note}{table}{more}{result}</section>"
    )


def _render_row(parameter: Parameter, field: Field | None) -> str:
    """Return the row of an argument. The default of a secret is not shown."""
    hint = cut_text(hint_text(parameter.hint), _LONGEST)
    choices = field.choices if field is not None and "Literal" not in hint else ()
    values = f"<br><small>{escape(cut_text(', '.join(map(format_json, choices)), _LONGEST))}</small>" if choices else ""
    return (
        f'<tr><th scope="row"><code>{escape(parameter.name)}</code></th><td><code>{escape(hint)}</code>{values}</td>'
        f"<td>{_render_default(parameter, field)}</td></tr>"
    )


def _render_default(parameter: Parameter, field: Field | None) -> str:
    if parameter.required:
        return "<em>required</em>"
    if is_secret_name(parameter.name):
        return "<em>hidden</em>"
    known = field is not None and field.default is not NO_DEFAULT
    text = format_json(field.default) if field and known else show_value(parameter.default, _LONGEST)
    return f"<code>{escape(cut_text(text, _LONGEST))}</code>"
