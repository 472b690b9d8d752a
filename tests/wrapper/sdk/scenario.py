"""Call each row of the table of names in docs/platform.md, and print what comes back: of the platform's SDK or of ours.

`python scenario.py MODULE`, in an empty folder; `MODULE` is `digitalhub` or `ovenbird`. The project is `p`. The last
line is an object of JSON: a name for each observation, and its value, without ids.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas

_CODE = """
from digitalhub_runtime_python import handler

@handler(outputs=["table", "model", "message", "count"])
def prepare(project, run, data, factor):
    frame = data.as_df()
    for epoch in range(3):
        run.log_metric("loss", 1.0 / (epoch + 1))
    with open("weights.txt", "w") as file:
        file.write("weights")
    model = project.log_model("weights", kind="model", source="weights.txt")
    model.log_metrics({"accuracy": 0.5})
    return frame, model, "done", len(frame) * factor
"""
seen: dict[str, Any] = {}


def mask(value: Any) -> Any:
    """Return a value of JSON without ids, times and folders; an object is its type of entity."""
    if isinstance(value, dict):
        return {str(name): mask(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask(item) for item in value]
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    if isinstance(value, str):
        value = re.sub(r"\b[0-9a-f]{32}\b", "<id>", value)
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)?", "<time>", value)
    key = getattr(value, "key", None)
    if not isinstance(key, str) or key.count("/") < 4:
        return "<object>"
    return mask(f"<{key.split('/')[3]} {value.name}>")


def see(name: str, call: Callable[[], Any]) -> Any:
    """Observe the value of a call, or the word `error`; return the value itself."""
    try:
        value = call()
    except Exception as error:
        seen[name] = "error"
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return None
    seen[name] = mask(value)
    return value


def list_parameters(function: Any) -> list[str]:
    """Return the names of the parameters, `*` before those that take all others."""
    parameters = inspect.signature(function).parameters.values()
    return [("*" if parameter.kind is parameter.VAR_KEYWORD else "") + parameter.name for parameter in parameters]


def see_module(dh: Any, names: list[str]) -> None:
    """Observe the parameters of the functions of the module."""
    for name in names:
        see(f"{name}()", lambda name=name: list_parameters(getattr(dh, name)))  # type: ignore[misc]


def see_project(dh: Any) -> Any:
    """Observe projects and functions; return the project."""
    project = dh.get_or_create_project("p")
    see("project.name", lambda: [project.name, project.kind, dh.get_project("p").name])
    see("get_project, absent", lambda: dh.get_project("absent"))
    function = see("project.new_function", lambda: project.new_function(
        name="prepare", kind="python", python_version="PYTHON3_10", code_src="prepare.py", handler="prepare",
        requirements=["pandas"], description="d", labels=["l"],
    ))  # fmt: skip
    see("function.kind", lambda: [function.kind, function.key, function.spec.python_version])
    see("function.spec.source", lambda: sorted(function.spec.source.items()))
    see("function.spec.requirements", lambda: function.spec.requirements)
    see("new_function", lambda: dict(dh.new_function(
        project="p", name="inline", kind="python", python_version="PYTHON3_12", code="def f(): pass", handler="f",
        init_function="init", base_image="python:3.12", image="registry/app:1",
    ).spec.to_dict()))  # fmt: skip
    see("new_function, no handler", lambda: dh.new_function("p", "f", "python", code="x = 1"))
    see("new_function, no source", lambda: dh.new_function("p", "f", "python", handler="f"))
    see("project.get_function", lambda: project.get_function("prepare").id == function.id)
    see("get_function", lambda: [dh.get_function(function.key), dh.get_function("prepare", "p")])
    see("list_functions", lambda: sorted(item.name for item in project.list_functions()))
    return project


def see_entities(dh: Any, project: Any) -> Any:
    """Observe `log_`, `new_`, `get_`, `list_` and `delete_`, and what reads an entity; return a data item."""
    frame = pandas.DataFrame({"city": ["a", "b"], "people": [1, 2]})
    Path("notes.txt").write_text("notes")
    frame.to_csv("cities.csv", index=False)
    item = see("project.log_dataitem", lambda: project.log_dataitem(name="cities", kind="table", data=frame))
    see("log_dataitem", lambda: dh.log_dataitem("p", name="cities", kind="table", source="cities.csv"))
    see("dataitem.key", lambda: [item.key, item.kind, item.project, item.status.state])
    see("dataitem.as_df", lambda: item.as_df().to_dict(orient="list"))
    see("dataitem, of a file, as_df", lambda: dh.get_dataitem("cities", "p").as_df().to_dict(orient="list"))
    see("get_dataitem_versions", lambda: len(dh.get_dataitem_versions("cities", "p")))
    target = see("new_dataitem", lambda: dh.new_dataitem("p", name="copy", kind="table", path="copy.parquet"))
    see(
        "dataitem.write_df",
        lambda: [target.write_df(frame, extension="parquet"), target.as_df().to_dict(orient="list")],
    )
    for kind in ("artifact", "model"):
        log, get, delete = (getattr(dh, f"{verb}_{kind}") for verb in ("log", "get", "delete"))
        entity = see(f"project.log_{kind}", lambda kind=kind: getattr(project, f"log_{kind}")(  # type: ignore[misc]
            name="notes", kind=kind, source="notes.txt", description="d", labels=["l"]))  # fmt: skip
        second = see(f"log_{kind}", lambda log=log, kind=kind: log("p", "notes", kind, "notes.txt"))  # type: ignore[misc]
        see(f"{kind}.key", lambda entity=entity: [entity.key, entity.kind, entity.status.state])  # type: ignore[misc]
        see(f"{kind}.metadata", lambda entity=entity: [entity.metadata.description, entity.metadata.labels])  # type: ignore[misc]
        see(f"get_{kind}", lambda get=get, second=second: get("notes", "p").id == second.id)  # type: ignore[misc]
        see(f"get_{kind}, version", lambda get=get, entity=entity: get("notes", "p", entity.id).id == entity.id)  # type: ignore[misc]
        see(f"{kind}.as_file", lambda entity=entity: Path(entity.as_file()).read_text())  # type: ignore[misc]
        see(f"{kind}.download", lambda entity=entity, kind=kind:  # type: ignore[misc]
            Path(entity.download(f"out-{kind}/notes.txt")).read_text())  # fmt: skip
        see(f"list_{kind}s", lambda kind=kind: getattr(dh, f"list_{kind}s")("p"))  # type: ignore[misc]
        see(f"list_{kind}s, all versions", lambda kind=kind: len(getattr(dh, f"list_{kind}s")("p", versions="all")))  # type: ignore[misc]
        see(f"delete_{kind}", lambda delete=delete, entity=entity: bool(delete(entity.key)) and None)  # type: ignore[misc]
        see(f"get_{kind}, deleted", lambda get=get, entity=entity: get(entity.key))  # type: ignore[misc]
        see(f"get_{kind}, absent", lambda get=get: get("absent", "p"))  # type: ignore[misc]
    see("new_artifact", lambda: dh.new_artifact("p", name="far", kind="artifact", path="s3://b/x").spec.path)
    return item


def see_run(dh: Any, project: Any, item: Any) -> None:
    """Observe a job: its state, outputs, results, metrics, inputs, and reading it again."""
    function = project.get_function("prepare")
    run = see("function.run", lambda: function.run(
        "job", inputs={"data": item.key}, parameters={"factor": 2}, local_execution=True,
        resources={"cpu": "1", "mem": "1Gi"}, envs=[{"name": "LEVEL", "value": "3"}],
    ))  # fmt: skip
    see("run.status.state", lambda: [run.status.state, run.refresh().status.state, run.wait().status.state])
    see("run.key", lambda: [run.key.partition(f"/{run.id}")[0], run.kind])
    see("get_run, by the SDK's key", lambda: dh.get_run(f"store://p/run/python+job:run/{run.id}").id == run.id)
    see("run.spec", lambda: [run.spec.parameters, run.spec.inputs, run.spec.local_execution])
    see("run.spec.resources", lambda: [run.spec.resources, run.spec.envs])
    see("run.inputs", lambda: dict(run.inputs()))
    see("run.outputs", lambda: dict(run.outputs()))
    see("run.outputs, as_key", lambda: run.outputs(as_key=True))
    see("run.output", lambda: [run.output("table"), run.output("table").as_df().to_dict(orient="list")])
    see("run.output, of a result", lambda: run.output("message"))
    see("run.results", lambda: dict(run.results()))
    see("run.result", lambda: [run.result("message"), run.result("absent"), run.output("absent")])
    see("run.metrics", lambda: mask(dict(run.metrics)) if hasattr(run, "metrics") else dict(run.status.metrics))
    see("model.metrics", lambda: dict(dh.get_model("weights", "p").status.metrics))
    see("get_run", lambda: dh.get_run(run.key).id == run.id)
    see("list_runs", lambda: [len(dh.list_runs("p")), len(function.list_runs()), len(project.list_runs())])
    see("function.run, unknown action", lambda: function.run("jobb", local_execution=True))
    see("function.run, which fails", lambda: function.run("job", parameters={"factor": 2}, local_execution=True))
    see("function.run, bad resources", lambda: function.run("job", local_execution=True, resources={"cpu": "lots"}))
    see("function.run, bad envs", lambda: function.run("job", local_execution=True, envs=["A=1"]))
    see("project.run", lambda: project.run("absent"))


def see_classes(dh: Any) -> None:
    """Observe the parameters of methods that need a cluster there."""
    if dh.__name__ == "ovenbird":
        from ovenbird.platform.entities.run import FunctionRevision as Function
        from ovenbird.platform.entities.run import Run as Serve

        build = Serve
    else:
        from digitalhub_runtime_python.entities.function.python.entity import FunctionPython as Function
        from digitalhub_runtime_python.entities.run.python_build.entity import RunPythonRunBuild as build
        from digitalhub_runtime_python.entities.run.python_serve.entity import RunPythonRunServe as Serve
    see("function.run()", lambda: list_parameters(Function.run))
    see("run.invoke()", lambda: list_parameters(Serve.invoke))
    see("run.image", lambda: isinstance(inspect.getattr_static(build, "image"), property))


if __name__ == "__main__":
    Path("prepare.py").write_text(_CODE)
    module = importlib.import_module(sys.argv[1])
    see_module(module, sys.argv[2].split(","))
    see_classes(module)
    the_project = see_project(module)
    see_run(module, the_project, see_entities(module, the_project))
    print(json.dumps(seen))
