"""Tell people what was resolved: the contract of one handler."""

from __future__ import annotations

from typing import Any

from .bind import Parameter
from .handler import Handler
from .hints import hint_text, hints_of

Description = dict[str, Any]


def describe(handler: Handler, parameters: dict[str, Any]) -> Description:
    """The resolved contract as builtin values. Init is not run: its parameters are bound, and that is all.

    Errors: InitError when the init parameters do not fit.
    """
    loaded = handler.loaded
    binder = handler.binder
    found: Description = {
        "target": str(loaded.target),
        "name": handler.name,
        "file": getattr(loaded.module, "__file__", None),
        "source_root": str(loaded.target.root),
        "shape": ("class, " if loaded.is_class else "") + handler.shape.value,
        "init": handler.check(parameters) or None,
        "close": bool(loaded.close or (loaded.is_class and hasattr(loaded.found, "close"))),
    }
    if binder is not None:
        found["payload"] = binder.mode.value
        found["arguments"] = [_argument(parameter) for parameter in binder.parameters]
        found["injected"] = dict(binder.reserved) | ({binder.event_name: "cloudevent"} if binder.event_name else {})
        found["takes_unknown_fields"] = binder.rest
        returns = hints_of(handler.call).get("return", Any)
        found["returns"] = None if returns is Any else hint_text(returns)
    return found


def text(found: Description) -> str:
    """The description for people."""
    rows = [("target", found["target"]), ("file", found["file"]), ("shape", found["shape"])]
    if "payload" in found:
        rows.append(("payload", found["payload"]))
        for argument in found["arguments"]:
            default = "" if argument["required"] else f" = {argument['default']}"
            rows.append(("  argument", f"{argument['name']}: {argument['hint']}{default}"))
        rows += [("  injected", f"{name} ({kind})") for name, kind in found["injected"].items()]
        if found["takes_unknown_fields"]:
            rows.append(("  argument", "** (further fields)"))
    rows += [("returns", found.get("returns") or "not hinted"), ("init", found["init"] or "none")]
    rows.append(("close", "yes" if found["close"] else "none"))
    return "\n".join(f"{name:<12}{value}" for name, value in rows)


def _argument(parameter: Parameter) -> Description:
    found: Description = {"name": parameter.name, "hint": hint_text(parameter.hint), "required": parameter.required}
    if not parameter.required:
        found["default"] = repr(parameter.default)
    return found
