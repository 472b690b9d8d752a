"""`ovenbird.function`: a function that can be run, mapped, built and served."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..common.text import show_value
from ..errors import SettingsError
from ..function.loader import refuse_import
from .run_request import CONTAINER, HERE, PLATFORM, RunOptions, choose_place, make_request, merge_parameters
from .sources import FunctionHolder, FunctionSource, find_source

if TYPE_CHECKING:
    from ..function.target import Target
    from ..platform.entities.run import Run


def function(target: Any, *, source: str | os.PathLike[str] = "", handler: str = "", project: str = "") -> Function:
    """Return a function of a target: a text as on the command line, a function object, a document, a git URL.

    `"train.py:train"`, `"pkg.mod:train"`, `"function.yaml"`, `"git+https://host/repo#v1"`, or a function of a module, a
    script or a notebook's cell. `source` is the folder that holds the code; `handler` names the function in a
    repository; `project` is the project of its runs.

    Errors: LoadError, DocumentError.
    """
    return Function(find_source(target, source=source, handler=handler), project)


def run(target: Any, /, **options: Any) -> Run:
    """Run a function once: `function(target).run(...)`."""
    return function(target).run(**options)


class Function(FunctionHolder):
    """A function that can be run.

    `source` is where its code comes from, `project` the project of its runs (empty: as the command chooses it).
    """

    def __init__(self, source: FunctionSource, project: str = "") -> None:
        self.source = source
        self.project = project

    @property
    def name(self) -> str:
        """Return the function as people call it: its target, or the name of the object."""
        return self.source.text

    def __repr__(self) -> str:
        return f"<Function {show_value(self.name)}>"

    def target(self) -> Target:
        """Return the code on disk, as another process or an image gets it. Errors: LoadError, CaptureError.

        A function object is captured as text, and written below the data folder.
        """
        return self.source.locate(os.environ)

    def run(
        self,
        *,
        inputs: Mapping[str, Any] | None = None,
        on: str = "process",
        wait: bool = True,
        check: bool = True,
        name: str = "",
        tags: Any = None,
        note: str = "",
        timeout: float | str | timedelta | None = None,
        reuse: bool = False,
        project: str = "",
        env: Mapping[str, str] | None = None,
        init: Mapping[str, Any] | None = None,
        output_dir: str | os.PathLike[str] = "",
        params: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> Run:
        """Run the function once with the parameters, and return its run.

        `on="process"` runs it in a child, `"here"` in this very process, `"container"` in its image, `"platform"`
        through DigitalHub Core. An input is a path, a URL, a key or an entity. `params` takes parameters that have
        the names of options. `timeout` is in seconds, or a text such as `5m`. `env` are further variables of the run.
        With `wait=False` it returns when the run has begun.

        Errors: RunFailedError for a run that does not end as COMPLETED, unless `check` is False; ArgumentsError,
        SettingsError, LoadError, CaptureError and the like before the function is called.
        """
        refuse_import("a run is started")
        place = choose_place(on)
        options = RunOptions(
            inputs=inputs, init=init, name=name, tags=tags, note=note, timeout=timeout, reuse=reuse,
            project=project or self.project, env=env, output_dir=output_dir,
        )  # fmt: skip
        request = make_request(options, merge_parameters(params, parameters), os.environ)
        if place == HERE:
            if not wait:
                raise SettingsError('a run in this process ends before `run` returns: wait=False is for on="process"')
            from .here import run_here

            return run_here(self.source, request, check=check)
        if place in (CONTAINER, PLATFORM):
            raise SettingsError(f"on={show_value(place)} is not there yet")
        from .process import run_process

        return run_process(self.source, request, wait=wait, check=check)
