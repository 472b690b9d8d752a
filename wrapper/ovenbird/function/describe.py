"""Describe what was resolved: the contract of one handler, as a service and as a job, with example calls."""

from __future__ import annotations

from typing import Any

from .argument_schema import make_argument_schema
from .binder import Binder, Parameter
from .examples import explain_instances, is_input, is_instance_only, request_line, run_line
from .handler import Handler
from .type_hints import hint_text, hints_of

Description = dict[str, Any]
_FILLED = {  # what fills a parameter, where its kind does not say it
    "project": "the project, as context.project",
    "run": "the run of a job; None in a service",
}


def describe(handler: Handler, parameters: dict[str, Any]) -> Description:
    """Return the resolved contract as builtin values. Init is not run; its parameters are only bound.

    Errors: InitError when the init parameters do not fit.
    """
    loaded = handler.loaded
    binder = handler.binder
    description: Description = {
        "target": str(loaded.target),
        "name": handler.name,
        "file": getattr(loaded.module, "__file__", None),
        "source_root": str(loaded.target.root),
        "shape": ("class, " if loaded.is_class else "") + handler.shape.value,
        "init": handler.check(parameters) or None,
        "close": bool(loaded.close or (loaded.is_class and hasattr(loaded.function, "close"))),
    }
    if binder is not None:
        description["payload"] = binder.mode.value
        description["arguments"] = [_describe_argument(parameter) for parameter in binder.parameters]
        description["injected"] = _list_injected(binder)
        description["takes_unknown_fields"] = binder.takes_rest
        returns = hints_of(handler.call).get("return", Any)
        description["returns"] = None if returns is Any else hint_text(returns)
    return description


def describe_service(handler: Handler, port: int) -> Description:
    """Return how the handler is called over HTTP: `example` is a curl command, null for an application."""
    return {"example": request_line(handler.binder, port) if handler.binder else None}


def describe_job(handler: Handler, target: str) -> Description | None:
    """Return what a handler bound for a job takes: its arguments, each with its kind, and an `example` command.

    The kind is `parameter`, `input`, or `instance`: an object that only a run in the same process can be given.

    `schema` is the JSON Schema of its arguments, of which forms are made.
    `refused` says why it cannot be run as a job. None for an application.
    """
    binder = handler.binder
    if binder is None:
        return None
    why = binder.explain_served_only() or explain_instances(binder)
    return {
        "arguments": {parameter.name: _name_source(parameter) for parameter in binder.parameters},
        "injected": _list_injected(binder),
        "schema": make_argument_schema(handler),
        **({"example": None, "refused": f"cannot be run: {why}"} if why else {"example": run_line(binder, target)}),
    }


def format_description(description: Description) -> str:
    """Return the description as text for people."""
    rows = [("target", description["target"]), ("file", description["file"]), ("shape", description["shape"])]
    if "payload" in description:
        rows.append(("payload", description["payload"]))
        for argument in description["arguments"]:
            default = "" if argument["required"] else f" = {argument['default']}"
            rows.append(("  argument", f"{argument['name']}: {argument['hint']}{default}"))
        rows += [
            ("  injected", f"{name} ({_FILLED.get(kind, kind)})") for name, kind in description["injected"].items()
        ]
        if description["takes_unknown_fields"]:
            rows.append(("  argument", "** (further fields)"))
    rows += [("returns", description.get("returns") or "not hinted"), ("init", description["init"] or "none")]
    rows.append(("close", "yes" if description["close"] else "none"))
    service, job = description.get("service"), description.get("job")
    if service:
        rows.append(("as a service", service.get("refused") or service["example"] or "an application of its own"))
    if job and "refused" in job:
        rows.append(("as a job", job["refused"]))
    elif job:
        takes = [f"{name} ({source})" for name, source in job["arguments"].items()]
        takes += [f"{name} (the {kind})" for name, kind in job["injected"].items()]
        rows += [("as a job", job["example"]), ("  takes", ", ".join(takes) or "nothing")]
    return "\n".join(f"{name:<14}{value}" for name, value in rows)


def _describe_argument(parameter: Parameter) -> Description:
    description: Description = {
        "name": parameter.name,
        "hint": hint_text(parameter.hint),
        "required": parameter.required,
    }
    if not parameter.required:
        description["default"] = repr(parameter.default)
    return description


def _list_injected(binder: Binder) -> dict[str, str]:
    return dict(binder.reserved) | ({binder.event_name: "cloudevent"} if binder.event_name else {})


def _name_source(parameter: Parameter) -> str:
    if is_instance_only(parameter):
        return "instance"
    return "input" if is_input(parameter) else "parameter"
