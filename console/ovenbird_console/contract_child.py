"""A process of its own that imports the user's code, and prints the contract of the function as JSON."""

from __future__ import annotations

import inspect
import json
import os
import sys
from typing import Any

from ovenbird.command_line.data_stdout import reserve_stdout
from ovenbird.errors import OvenbirdError
from ovenbird.function.argument_schema import make_argument_schema
from ovenbird.function.binder import JOB
from ovenbird.function.describe import describe, describe_job
from ovenbird.function.handler import Handler
from ovenbird.function.loader import load
from ovenbird.function.target import parse


def main(text: str) -> None:
    """Print what can be known of the function that a target names, or the error that keeps it from being known."""
    with reserve_stdout():
        try:
            answer = describe_target(text)
        except OvenbirdError as error:
            answer = {"error": {"message": error.message, "hint": error.hint, "traceback": error.cause}}
    sys.stdout.write(json.dumps(answer, default=str))
    sys.stdout.flush()
    os._exit(0)  # threads of the user's code may go on for ever


def describe_target(text: str) -> dict[str, Any]:
    """Return the contract of a function as a job takes it. Errors: LoadError, DocumentError."""
    handler = Handler(load(parse(text)), JOB, fields_only=True)
    contract = describe(handler, {})
    job = describe_job(handler, text) or {"arguments": {}, "injected": {}, "refused": "an application is only served"}
    return {
        **contract, "job": job, "schema": make_argument_schema(handler),
        "docstring": inspect.getdoc(handler.loaded.function) or "",
    }  # fmt: skip
