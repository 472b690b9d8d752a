"""Functions in the forms that the platform's users write, and the module that a platform renders around them.

The rendered module is written for the tests: what it calls of the SDK is what any such module has to call.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from tests.core.server import Double
from tests.processors import HTTP, document, job

JOB = """
from digitalhub_runtime_python import handler

@handler(outputs=["cities", "count", "title"])
def summarise(project, run, context, table, limit):
    frame = table.as_df()
    context.logger.info("read %s rows" % len(frame))
    context.logger.info_with("summarising", limit=limit)
    with open("/tmp/notes.txt", "w") as file:
        file.write("seen")
    project.log_artifact("notes", "artifact", source="/tmp/notes.txt")
    model = project.log_model("scorer", "model", source="/tmp/notes.txt", framework="none", parameters={"depth": 3})
    model.log_metrics({"accuracy": 0.5})
    run.log_metric("rows", 3)
    return frame.head(limit), len(frame), "cities"
"""
SERVICE = """
def init(context, greeting, mark="!"):
    context.greeting, context.mark = greeting, mark

def serve(context, event):
    context.logger.info("served " + event.path)
    name = event.fields.get("name") or event.body["name"]
    return {"text": f"{context.greeting}, {name}{context.mark}", "project": context.project.name}
"""
RENDERED = '''
"""What a platform renders around a function: by the SDK it gets the run, the function, its arguments."""

import json
import os

import digitalhub as dh
from digitalhub.context.api import get_context
from digitalhub_runtime_python.utils.configuration import import_function_and_init_from_source
from digitalhub_runtime_python.utils.inputs import compose_init, compose_inputs
from digitalhub_runtime_python.utils.outputs import build_new_status, parse_outputs

SOURCE = json.loads(os.environ["RENDERED_SOURCE"])


def init_context(context):
    context.project = dh.get_project(os.environ["PROJECT_NAME"])
    root = get_context(context.project.name).root
    root.mkdir(parents=True, exist_ok=True)
    context.run = dh.get_run(os.environ["RUN_ID"], project=context.project.name)
    context.run.start_execution()
    context.function, init = import_function_and_init_from_source(SOURCE)
    if init is not None:
        init(**compose_init(init, context, context.run.spec.to_dict().get("init_parameters") or {}))


def handler(context, event):
    function, project, run = context.function, context.project, context.run
    if event.trigger.kind != "job":
        return function(**compose_inputs({}, {}, False, function, project, context, event))
    try:
        spec = json.loads(event.body)["spec"]
        arguments = compose_inputs(
            run.inputs(as_dict=True), spec.get("parameters") or {}, False, function, project, context, event
        )
        if hasattr(function, "__wrapped__"):
            found = function(project.name, run.key, **arguments)
        else:
            result = function(**arguments)
            found = {} if result is None else parse_outputs([result], project.name, run.key)
        run.refresh()
        run.set_status({**run.status.to_dict(), **build_new_status(project.name, found)})
        run.save(update=True)
        run.end_execution()
    except Exception as error:
        return context.Response(body=repr(error), headers={}, content_type="text/plain", status_code=500)
    return context.Response(body="OK", headers={}, content_type="text/plain", status_code=200)
'''


def begin(
    core: Double, code: str, kind: str, source: dict[str, str], **spec: Any
) -> tuple[str, dict[str, str]]:  # fmt: skip
    """Have Core start a run of `code`, as a `job` or to `serve`; the run's id, and its function's whole source."""
    source = {"base64": base64.b64encode(code.encode()).decode(), "source": "main.py", **source}
    create = core.entities.create
    function = create("p", "function", {"name": "f", "kind": "python", "spec": {"source": source}})
    called = f"python://p/f:{function['id']}"
    task = create("p", "task", {"kind": f"python+{kind}", "spec": {"function": called}})
    run = {"kind": f"python+{kind}:run", "project": "p", "metadata": {}, "spec": {
        "function": called, "task": f"python+{kind}://p/{task['id']}", "local_execution": False, **spec,
    }}  # fmt: skip
    identity: str = core.answer("POST", "/api/v1/-/p/runs", {}, run)["id"]
    core.settle("p", identity)
    return identity, source


def lay_out(folder: Path, core: Double, run: str, code: str, kind: str) -> None:
    """Fill a folder as the platform fills /shared for that run, readable and writable by a container's user."""
    body = json.dumps(core.run("p", run))
    (folder / "function.yaml").write_text(json.dumps(document(job(body) if kind == "job" else HTTP)))
    (folder / "handler.py").write_text(RENDERED)
    (folder / "main.py").write_text(code)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o644)
