"""Methods for user code have the parameters of the platform's SDK, and missing ones say so."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from ovenbird.platform.entities.run import start_run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project
from tests.core import sdk

pytestmark = pytest.mark.timeout(600)  # the SDK's environment may have to be made

_LIST = """
import inspect, json
from digitalhub.entities.artifact._base.entity import Artifact
from digitalhub.entities.dataitem.table.entity import DataitemTable
from digitalhub.entities.function._base.entity import Function
from digitalhub.entities.model._base.entity import Model
from digitalhub.entities.project._base.entity import Project
from digitalhub.entities.secret._base.entity import Secret
from digitalhub_runtime_python.entities.run._base.entity import RunBaseRun

classes = {"project": Project, "run": RunBaseRun, "artifact": Artifact, "dataitem": DataitemTable, "model": Model,
           "function": Function, "secret": Secret}
found = {}
for name, owner in classes.items():
    for method in dir(owner):
        value = inspect.getattr_static(owner, method)
        if method.startswith("_") or method.isupper():
            continue
        function = getattr(owner, method)
        if getattr(function, "__name__", "") == "wrapper":  # of a decorator that does not say what it wraps
            function = function.__closure__[0].cell_contents
        plain = None if isinstance(value, property) else list(inspect.signature(function).parameters)[1:]
        found.setdefault(name, {})[method] = plain
print(json.dumps(found))
"""
# what is among `**kwargs` there has a name here; `run.wait` has `timeout=` besides
_WIDER = {("project", "log_dataitem"), ("run", "wait")}


def _list_parameters(function: Any) -> list[str]:
    """Return the names of the parameters; `kwargs` for any that takes all other names."""
    parameters = inspect.signature(function).parameters.values()
    return ["kwargs" if parameter.kind is parameter.VAR_KEYWORD else parameter.name for parameter in parameters]


@pytest.mark.slow
def test_methods_have_the_parameters_of_the_sdk(tmp_path: Path) -> None:
    """Names and order of parameters agree; a property is one here; what is not here is an error that names the SDK."""
    signatures: dict[str, dict[str, list[str] | None]] = json.loads(sdk.run(_LIST, tmp_path, {}))
    store = LocalStore(tmp_path / "home")
    project = Project(store, "p", {})
    owners: dict[str, Any] = {
        "project": project, "artifact": project.log_artifact("a", data=b"x"),
        "dataitem": project.log_dataitem("d", data=b"x"), "model": project.log_model("m", data=b"x"),
        "function": project.new_function("f", "python", code="", handler="f"),
        "secret": project.new_secret("s", secret_value="v"), "run": start_run(store, "p", {}),
    }  # fmt: skip
    different, silent = {}, []
    for kind, methods in signatures.items():
        for name, parameters in methods.items():
            try:
                value = getattr(owners[kind], name)
            except AttributeError as error:
                if "is of the platform's SDK and not of Ovenbird" not in str(error):
                    silent.append(f"{kind}.{name}")
                continue
            own = _list_parameters(value) if callable(value) else None
            if own != parameters and (kind, name) not in _WIDER:
                different[f"{kind}.{name}"] = (own, parameters)
    store.close()
    assert (different, silent) == ({}, [])
