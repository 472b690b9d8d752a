"""`ovenbird.function`: a function that can be run, mapped, built and served."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..common.did_you_mean import suggest_names
from ..common.text import show_value
from ..errors import SettingsError
from ..function.loader import refuse_import
from .card_display import CardDisplay
from .image import Image
from .run_request import (
    CLUSTER,
    CONTAINER,
    HERE,
    PLATFORM,
    PROCESS,
    RunOptions,
    RunRequest,
    check_variables,
    choose_place,
    make_request,
    merge_parameters,
)
from .sources import FunctionHolder, FunctionSource, find_source

if TYPE_CHECKING:
    from ..display.card import Card
    from ..function.target import Target
    from ..platform.entities.run import Run
    from .lock import FunctionLock
    from .map_runs import RunMap
    from .service import Service


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


class Function(CardDisplay, FunctionHolder):
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

    def _make_card(self) -> Card:
        """Return what is shown of it. A target is not imported for it."""
        from ..display.function_card import make_function_card

        return make_function_card(self.name, getattr(self.source, "function", None), self.project)

    def target(self) -> Target:
        """Return the code on disk, as another process or an image gets it. Errors: LoadError, CaptureError.

        A function object is captured as text, and written below the data folder.
        """
        return self.source.locate(os.environ)

    def run(
        self,
        *,
        inputs: Mapping[str, Any] | None = None,
        on: str | Image = PROCESS,
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

        `on="process"` runs it in a child, `"here"` in this very process, `"container"` in the image that its document
        names, else in one that is built now, an `Image` in that one, `"cluster"` on Kubernetes with options such as
        `cpu="2"`, `mem="4Gi"`, `namespace`, `image` or `build`, `"platform"` through DigitalHub Core. An input is
        a path, a URL, a key or an entity. `params` takes parameters that have the names of options. `timeout` is in
        seconds, or a text such as `5m`. `env` are further variables of the run. With `wait=False` it returns when the
        run has begun.

        Errors: RunFailedError for a run that does not end as COMPLETED, unless `check` is False; ArgumentsError,
        SettingsError, LoadError, CaptureError and the like before the function is called.
        """
        refuse_import("a run is started")
        place = CONTAINER if isinstance(on, Image) else choose_place(on)
        options = RunOptions(
            inputs=inputs, init=init, name=name, tags=tags, note=note, timeout=timeout, reuse=reuse,
            project=project or self.project, env=env, output_dir=output_dir,
        )  # fmt: skip
        of_cluster = _take_cluster_options(parameters) if place == CLUSTER else {}
        request = make_request(options, merge_parameters(params, parameters), os.environ)
        self.source.check_names(request.parameters, request.settings.input)
        if place == CLUSTER:
            from .cluster import run_cluster

            return run_cluster(self.source, request, of_cluster, wait=wait, check=check)
        image = on.name if isinstance(on, Image) else ""
        return _run_at(place, self.source, request, image, wait=wait, check=check)

    def map(
        self,
        params_list: Iterable[Mapping[str, Any]],
        *,
        parallel: int | str = 2,
        ordered: bool = True,
        inputs: Mapping[str, Any] | None = None,
        on: str = PROCESS,
        check: bool = True,
        **options: Any,
    ) -> RunMap:
        """Run the function once for each mapping of parameters, and return their runs as they end, in this order.

        One child process imports the function, checks all parameters, and forks a process for each run, `parallel` at
        once (`"auto"`: one for each CPU). With `ordered=False` a run is yielded as soon as it has ended. A run that
        fails stops no other; after the last one RunFailedError is raised, unless `check` is False. Ctrl-C, `close()`
        and a loop that is left stop all. `options` are those of `run`; `params` there is for all runs.

        `on="cluster"` makes one indexed Job of Kubernetes, with the options of such a run; nothing is checked before.

        Errors: ArgumentsError for parameters that do not fit the function, before any run; those of `run`.
        """
        refuse_import("runs are started")
        place = choose_place(on)
        if place not in (PROCESS, CLUSTER):
            raise SettingsError(
                f'map runs on="process" or on="cluster", found on={show_value(on)}', hint="`run` runs elsewhere"
            )
        from .map_request import check_parallel
        from .map_runs import start_map

        of_cluster = _take_cluster_options(options) if place == CLUSTER else {}
        params = merge_parameters(options.pop("params", None), {})
        request = make_request(self._make_options(inputs=inputs, **options), params, os.environ)
        request = replace(request, settings=replace(request.settings, parallel=check_parallel(parallel)))
        if place == CLUSTER:
            from .cluster_map import start_cluster_map

            return start_cluster_map(self.source, request, params_list, of_cluster, ordered=ordered, check=check)
        return start_map(self.source, request, params_list, ordered=ordered, check=check)

    def build(
        self,
        *,
        tag: str | Iterable[str] = (),
        push: bool = False,
        python_version: str = "",
        requirements: str | os.PathLike[str] | Iterable[str] = (),
        base_image: str = "",
        slim: bool = False,
        **options: Any,
    ) -> Image:
        """Build the image of the function; return its reference, digest and layers, and why each was rebuilt.

        `requirements` are specifications beside those found, or the path of a file in place of it; `options` are those
        of `ovenbird build` by name, such as `index_url`. Without `push` the image is in the local store.

        Errors: SettingsError where the builder is not installed; those of a build.
        """
        refuse_import("an image is built")
        from .image import build_image, make_build_options

        options = {"tag": tag, "push": push, "base": base_image, "slim": slim, **options}
        return build_image(self.source, make_build_options(python_version, requirements, options), os.environ)

    def lock(
        self,
        *,
        upgrade: bool | str | Iterable[str] = False,
        python_version: str = "",
        requirements: str | os.PathLike[str] | Iterable[str] = (),
        base_image: str = "",
        **options: Any,
    ) -> FunctionLock:
        """Pin the dependencies in a lock beside the source; return its path, its packages, and what has changed.

        Pins of the lock that is there are kept, unless `upgrade` is True or names packages. `requirements` and the
        options are those of `build`; others are those of `ovenbird lock` by name, such as `locker="uv"`.

        Errors: SettingsError where the builder is not installed; those of the command, such as ConflictError.
        """
        refuse_import("requirements are locked")
        from .image import make_build_options
        from .lock import lock_function

        options["upgrade" if isinstance(upgrade, bool) else "upgrade_package"] = upgrade
        options = make_build_options(python_version, requirements, {"base": base_image, **options})
        return lock_function(self.source, options, os.environ)

    def serve(
        self,
        *,
        port: int = 0,
        workers: int | str = 1,
        host: str = "127.0.0.1",
        init: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        project: str = "",
        **settings: Any,
    ) -> Service:
        """Serve the function in a child process; return when it is ready: `with function.serve() as service:`.

        `port=0` takes a free one. `settings` are those of `ovenbird serve` by name, such as `timeout="5s"`; `env` are
        further variables of the service. It ends with the block, by `stop()`, and with this process at the latest.

        Errors: LoadError, InitError and the like, with the user's traceback, for a service that does not start.
        """
        refuse_import("a service is started")
        from .serve_request import make_serve_settings
        from .service import start_service

        environ = {**os.environ, **check_variables(env)}
        values = {"port": port, "workers": workers, "host": host, **settings}
        if project or self.project:
            values["project"] = project or self.project
        return start_service(self.source, make_serve_settings(values, init, environ), environ)

    def _make_options(self, *, project: str = "", **options: Any) -> RunOptions:
        """Return the options of runs. Errors: SettingsError for one that a run does not have."""
        names = [field.name for field in fields(RunOptions)]
        if unknown := next((name for name in options if name not in names), ""):
            hint = suggest_names(unknown, names)
            raise SettingsError(f"there is no option {show_value(unknown)}", hint=hint)
        return RunOptions(project=project or self.project, **options)


def _take_cluster_options(parameters: dict[str, Any]) -> dict[str, Any]:
    """Take the options of a run in a cluster out of its parameters, and return them."""
    from .cluster import OPTIONS

    return {name: parameters.pop(name) for name in list(parameters) if name in OPTIONS}


def _run_at(place: str, source: FunctionSource, request: RunRequest, image: str, *, wait: bool, check: bool) -> Run:
    """Run a function outside of a cluster, in a container of `image` if that is the place; return its run."""
    if place == HERE:
        if not wait:
            raise SettingsError(
                'a run in this process ends before `run` returns: wait=False is for on="process" and other places'
            )
        from .here import run_here

        return run_here(source, request, check=check)
    if place == CONTAINER:
        from .container import run_container, start_container

        if not wait:
            return start_container(source, request, image)
        return run_container(source, request, image, check=check)
    if place == PLATFORM:
        from .platform_run import run_platform

        return run_platform(source, request, wait=wait, check=check)
    from .process import run_process

    return run_process(source, request, wait=wait, check=check)
