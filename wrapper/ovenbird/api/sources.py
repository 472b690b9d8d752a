"""Where the code of a function comes from: a target of the command line, a function object, a git repository."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ..common.text import show_value
from ..errors import CaptureError, LoadError
from ..function.loader import LoadedFunction, find_own_function, forget_other_modules
from ..function.target import Target, parse
from ..function.undefined_names import refuse_undefined

_log = logging.getLogger("ovenbird")


class FunctionSource(Protocol):
    """What a `Function` knows of its code."""

    @property
    def text(self) -> str:
        """Return the function as people call it; for a target, the target."""

    def check_names(self, parameters: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        """Raise ArgumentsError for names that the function does not have, where that is known before it is loaded."""

    def locate(self, environ: Mapping[str, str]) -> Target:
        """Return the target on disk, for another process or an image. Errors: LoadError, DocumentError."""

    def find_document(self, target: Target) -> Path:
        """Return the path of the function document of a target that has one."""

    def load_here(self, environ: Mapping[str, str]) -> LoadedFunction | Target:
        """Return the function for this process, or a target that its run loads. Errors: LoadError."""


class TargetSource:
    """A target as on the command line; paths are those of the folder where it was named."""

    def __init__(self, text: str, source: str = "") -> None:
        refuse_undefined(parse(text, source))  # what is wrong with it is known at once
        self.text = text
        self._folder, self._source = Path.cwd(), source

    def check_names(self, parameters: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        """Do nothing: only a run imports the module."""

    def locate(self, environ: Mapping[str, str]) -> Target:
        """Return the target, read anew."""
        del environ
        path, colon, attribute = self.text.partition(":")
        is_path = path.endswith((".py", ".yaml", ".yml")) or (self._folder / path).is_dir()
        text = f"{self._folder / path}{colon}{attribute}" if is_path else self.text
        return parse(text, str(self._folder / (self._source or ".")) if self._source or not is_path else "")

    def find_document(self, target: Target) -> Path:
        """Return the path of the document."""
        del target
        return self._folder / self.text

    def load_here(self, environ: Mapping[str, str]) -> LoadedFunction | Target:
        """Return the target: what fails while it is imported belongs to its run."""
        target = self.locate(environ)
        forget_other_modules(target)
        return target


class ObjectSource:
    """A function object, of a module, a script or a notebook's cell."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.text = str(getattr(function, "__qualname__", None) or type(function).__name__)

    def check_names(self, parameters: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        """Raise ArgumentsError that lists names which the function does not have, and those that are missing."""
        from ..function.binder import JOB
        from ..function.handler import Handler
        from ..function.loader import load_object
        from ..job.arguments import check_names

        binder = Handler(load_object(self.function), JOB, fields_only=True).binder
        if binder is not None:  # an application is refused by its run
            check_names(binder, parameters, inputs)

    def locate(self, environ: Mapping[str, str]) -> Target:
        """Return the target of the captured text, which is written below the data folder. Errors: CaptureError."""
        from ..capture.capture_source import capture_source
        from .captured_folder import write_captured

        captured = capture_source(self.function)
        if captured.root is not None:
            return Target(captured.root, captured.module, captured.handler)
        return Target(write_captured(captured, environ), captured.module, captured.handler)

    def find_document(self, target: Target) -> Path:
        """Return the folder: a function object has no document."""
        return target.root

    def load_here(self, environ: Mapping[str, str]) -> LoadedFunction | Target:
        """Return the live object. Its record names the captured text, where it can be captured."""
        from ..function.decorator import install_sdk_stubs, unwrap_sdk_decorator
        from ..function.loader import load_object

        loaded = load_object(self.function)
        try:
            target = self.locate(environ)
        except CaptureError as error:
            _log.warning("the source of %s is not recorded: %s", self.text, error.message)
            name = re.sub(r"\W+", "_", self.text).strip("_") or "function"
            return replace(loaded, target=replace(loaded.target, attribute=name))
        install_sdk_stubs()
        module = sys.modules.get(str(getattr(self.function, "__module__", None)), loaded.module)
        if getattr(module, "__file__", None) != str(target.root / f"{target.module.replace('.', '/')}.py"):
            module = _stand_in(target)
        init = loaded.init if module is loaded.module else find_own_function(loaded.module, "init")
        return LoadedFunction(target, module, unwrap_sdk_decorator(self.function), init, loaded.close)


def _stand_in(target: Target) -> Any:
    """Return a module that is not imported, with the file of the captured text: its digest is what is recorded."""
    from types import ModuleType

    module = ModuleType(target.module)
    module.__file__ = str(target.root / f"{target.module.replace('.', '/')}.py")
    return module


class GitSource:
    """A function in a git repository: `git+https://host/repo#ref`. Each run fetches the commit that it names then."""

    def __init__(self, url: str, handler: str = "") -> None:
        from ..common import git_url
        from ..common.redact import redact_url

        git_url.parse(url)
        self.text = redact_url(url)
        self._url, self._handler = url, handler

    def check_names(self, parameters: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        """Do nothing: only a run fetches the repository."""

    def locate(self, environ: Mapping[str, str]) -> Target:
        """Return the target in a checkout of the repository, which is removed when this process ends."""
        from ..job.sources.download import fetch_repository

        return self._find_target(fetch_repository(self._url, environ))

    def find_document(self, target: Target) -> Path:
        """Return the path of the document in the checkout."""
        assert target.function
        path = self._handler.partition(":")[0]
        return target.function.root / (Path(path).name if path.endswith((".yaml", ".yml")) else "")

    def _find_target(self, folder: Path) -> Target:
        if not self._handler:
            return parse(str(folder))
        path, colon, attribute = self._handler.partition(":")
        is_file = path.endswith((".py", ".yaml", ".yml"))
        return parse(f"{folder / path}{colon}{attribute}" if is_file else self._handler, str(folder))

    def load_here(self, environ: Mapping[str, str]) -> LoadedFunction | Target:
        """Return the target in a checkout."""
        target = self.locate(environ)
        forget_other_modules(target)
        return target


def find_source(target: Any, *, source: str | os.PathLike[str] = "", handler: str = "") -> FunctionSource:
    """Return the source of what `ob.function` was given. Errors: LoadError, DocumentError."""
    folder = os.fspath(source)
    if isinstance(target, os.PathLike):
        target = os.fsdecode(target)
    if isinstance(target, str):
        if target.startswith("git+"):
            return GitSource(target, handler)
        return TargetSource(f"{target}:{handler}" if handler else target, folder)
    if isinstance(target, FunctionHolder):
        return target.source
    if not callable(target):
        raise LoadError(
            f"{show_value(target)} is not a function",
            hint='a function object, a target such as "train.py:train", or the path of a `function.yaml`',
        )
    return ObjectSource(target)


class FunctionHolder:
    """The base of `Function`: what has a source already."""

    source: FunctionSource
