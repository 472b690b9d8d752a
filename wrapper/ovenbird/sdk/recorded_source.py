"""The source of a function that a project has recorded: inline, local, or at an address."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..common.archive_names import is_archive_name
from ..common.named_paths import describe_broken_link
from ..common.source_limits import read_limits
from ..common.temporary_folders import make_temporary_folder
from ..common.text import show_value
from ..errors import DocumentError, LoadError
from ..function.loader import LoadedFunction, forget_other_modules
from ..function.target import Target, from_document
from ..function_document import TWO_SOURCES, FunctionSpec, complete, validate
from ..platform.data_dir import LINK_HINT, data_dir
from ..platform.entities.run import FunctionRevision

_FOLDER = "sources"  # below the data folder: what was fetched, by its content
_DIGITS = 16  # of the digest in a folder's name
_FIELDS = ("source", "python_version", "image", "base_image", "requirements")


class RecordedSource:
    """A function of a project; `text` is its name."""

    def __init__(self, function: FunctionRevision) -> None:
        self._function = function
        self.text = function.name

    def check_names(self, parameters: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        """Do nothing: only a run loads the function."""

    def locate(self, environ: Mapping[str, str]) -> Target:
        """Return the target; a source at an address, or in an archive, is fetched. Errors: LoadError, DocumentError."""
        return self._find_own_target() or from_document(*self._complete(environ))

    def find_document(self, target: Target) -> Path:
        """Write the function document to a temporary folder, and return its path."""
        assert target.function
        return write_document(target.function)

    def load_here(self, environ: Mapping[str, str]) -> LoadedFunction | Target:
        """Return the target: what fails while it is imported belongs to its run."""
        target = self.locate(environ)
        forget_other_modules(target)
        return target

    def _find_own_target(self) -> Target | None:
        """Return the target of a function that a run has recorded: such a record names the folder of its source."""
        source = self._function.spec.source or {}
        module, colon, attribute = str(source.get("handler")).partition(":")
        if source.get("base64") or not source.get("root") or not colon:
            return None
        if not Path(source["root"]).is_dir():
            raise LoadError(f"the source of {self._function.key} is gone: no folder {show_value(source['root'])}")
        return Target(Path(source["root"]), module, attribute)

    def _complete(self, environ: Mapping[str, str]) -> tuple[FunctionSpec, str]:
        """Return the completed document, and the folder of a source that had to be fetched, else an empty text."""
        function = complete_document(make_document(self._function))
        local, folder = function.local_source, None
        if function.is_remote:
            from ..job.sources.download import download_source

            folder = download_source(function, self._function._store.storage_environ(environ))
        elif local is not None and is_archive_name(local.name):
            from ..job.sources.download import unpack

            folder = unpack(local, make_temporary_folder() / "source", function, read_limits(environ))
        return function, str(_keep_folder(folder, function.name, environ)) if folder else ""


def make_document(function: FunctionRevision) -> dict[str, Any]:
    """Return the function document of a record. Errors: DocumentError for another kind."""
    if function.kind != "python":
        raise DocumentError(f"{function.key} is of kind {show_value(function.kind)}", hint="only python is run")
    spec = function.spec.to_dict()
    fields = {name: spec[name] for name in _FIELDS if spec.get(name) is not None}
    return {"kind": "python", "name": function.name, "project": function.project, "spec": fields}


def complete_document(document: dict[str, Any]) -> FunctionSpec:
    """Return the completed document; its paths are those of the current folder. Errors: DocumentError."""
    problems = [problem for problem in validate(document, Path.cwd()) if not problem.startswith(TWO_SOURCES)]
    if problems:
        raise DocumentError(f"the function {show_value(document['name'])} cannot be run:", problems=tuple(problems))
    return complete(document, Path.cwd())


def write_document(function: FunctionSpec) -> Path:
    """Write a function document, in JSON, to a temporary folder, and return its path."""
    path = make_temporary_folder() / "function.yaml"
    path.write_text(json.dumps(function.raw), encoding="utf-8")
    return path


def _keep_folder(fetched: Path, name: str, environ: Mapping[str, str]) -> Path:
    """Copy what was fetched to a folder that outlives this process, and return that. Errors: LoadError."""
    digest = hashlib.sha256()
    for path, content in _digest_files(fetched):
        digest.update(f"{path}\0{content}\0".encode())
    folder = Path(data_dir(environ)).absolute() / _FOLDER / f"{name}-{digest.hexdigest()[:_DIGITS]}"
    draft = folder.with_name(f".{folder.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        if not folder.exists():
            draft.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copytree(fetched, draft, symlinks=True)
            with suppress(OSError):  # another process has done the same by now
                draft.rename(folder)
    except OSError as error:
        link = describe_broken_link(folder.parent)
        raise LoadError(
            f"the source of {show_value(name)} was not written to {folder}: {link or error.strerror or error}",
            hint=LINK_HINT if link else "`OVENBIRD_HOME` names a folder that can be written",
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _digest_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the files below a folder in order: relative path, and digest of the content."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest()
