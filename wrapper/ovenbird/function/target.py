"""Resolve a target to a folder, a module and an attribute, before anything is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..common.did_you_mean import suggest_names
from ..common.named_paths import is_file, is_folder
from ..common.text import show_value
from ..errors import DocumentError, LoadError, ModuleMissingError
from ..function_document import MODULE, NAMES, FunctionSpec, find, read, refuse_unreadable

DEFAULT_ATTRIBUTE = "handler"
LOCKS = ("function.lock", "pylock.toml", "requirements.lock")  # beside a source or a document; the first one counts
_MODULE = re.compile(MODULE)
_ATTRIBUTE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class Target:
    """The code to run: the dotted `attribute` of the module `module`, below the folder `root`.

    `init` is the init function that the function document names; `function` is that document, completed.
    """

    root: Path
    module: str
    attribute: str
    init: str | None = None
    function: FunctionSpec | None = None

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"


def parse(text: str, source: str = "") -> Target:
    """Return the Target of what the user wrote. `source` is the folder that holds the code, or empty.

    Errors: LoadError for text of any other form; ModuleMissingError for a file that does not exist;
    DocumentError for a function document that cannot be parsed.
    """
    if "://" in text:
        from ..common.redact import redact_source

        action = "clone" if text.startswith("git") else "download"
        raise LoadError(
            f"{show_value(redact_source(text))} is a URL, and only a build fetches sources",
            hint=f"{action} it, and name its file or folder; `ovenbird build` fetches the `spec.source.source` of a"
            " function document",
        )
    path, _, attribute = text.partition(":") if not text.endswith((".yaml", ".yml")) else (text, "", "")
    if attribute and not _ATTRIBUTE.fullmatch(attribute):
        raise LoadError(
            f"{show_value(text)}: {show_value(attribute)} is not the name of an attribute",
            hint="`FILE.py:handler` or `pkg.mod:fn`",
        )
    if attribute and not path:
        raise LoadError(
            f"{show_value(text)} names no file or module before the colon",
            hint="`FILE.py:handler` or `pkg.mod:fn`; no target at all is the function document of this folder",
        )
    if attribute and (path.endswith((".yaml", ".yml")) or (is_folder(Path(path)) and not _MODULE.fullmatch(path))):
        raise LoadError(
            f"{show_value(text)}: the function document names the handler",
            hint=f"leave out {show_value(':' + attribute)}",
        )
    if path.endswith((".yaml", ".yml")):
        return from_document(read(Path(path)), source)
    if path.endswith(".py"):
        return _from_file(Path(path), attribute or DEFAULT_ATTRIBUTE, source)
    if is_folder(Path(path)) and not attribute:
        return from_document(read(find(Path(path))), source)
    if attribute and _MODULE.fullmatch(path) and not path.endswith(".ipynb"):
        return Target(_resolve_folder(source or "."), path, attribute)
    from ..common.file_kind import ARCHIVES, NOTEBOOK_HINT, describe_file  # only this message needs it

    kind = describe_file(Path(path if path.endswith(".ipynb") else text))
    if kind:
        hint = NOTEBOOK_HINT if kind == "a notebook" else ""
        if kind in ARCHIVES:
            hint = "unpack it, and name the folder: `--source`, or the variable `OVENBIRD_SOURCE`"
        raise LoadError(f"{show_value(text)} is not a target: it is {kind}", hint=hint or _suggest_target(path))
    raise LoadError(
        f"{show_value(text)} is not a target: no such folder, and neither `FILE.py`, `FILE.py:name`,"
        " `pkg.mod:name` nor `FILE.yaml`",
        hint=_suggest_target(path),
    )


def default_target(folder: Path, image: Path) -> str:
    """Return the target when none is named: the document in `folder`, else the one that was built into the image.

    Errors: DocumentError, which says what to do in an image that holds no function.
    """
    if any(is_file(folder / name) for name in NAMES):
        return str(folder)
    if is_file(image / NAMES[0]):
        return str(image / NAMES[0])
    if not is_folder(image):
        return str(folder)
    path = folder.resolve()
    raise DocumentError(
        f"no function: none is named, and there is no `function.yaml` in {show_value(str(path))}, nor"
        " one built into the image",
        hint=f'mount a folder and name its function: `podman run -p 8080:8080 -v "$PWD:{path}:ro" IMAGE serve '
        f"main.py:handler`; in a pod a volume at {path} and the variable `OVENBIRD_TARGET=main.py:handler`",
    )


def from_document(function: FunctionSpec, source: str = "") -> Target:
    """Return the target of a function document: its handler, in its local source, else in the document's own folder."""
    module, _, attribute = function.handler.rpartition(":")
    module = module or function.default_module
    path = function.local_source
    if source:
        root = _resolve_folder(source)
    elif function.code is not None:
        root = _write_inline(function.code, module)
    elif path is not None:
        refuse_unreadable(path, LoadError)
        _refuse_archive(path)
        root = function.source_root or (path if is_folder(path) else path.parent)
    else:
        root = function.source_root or function.root
    return Target(root, module, attribute, function.init, function)


def name_function(target: Target) -> str:
    """Return the function's name: from its document, else its attribute; for the attribute `handler`, its module."""
    if target.function:
        return target.function.name
    name = target.attribute.rpartition(".")[2]
    return target.module.rpartition(".")[2] if name == DEFAULT_ATTRIBUTE else name


def _from_file(path: Path, attribute: str, source: str) -> Target:
    """Return the target of a file. The root is its folder, or `source` when the file lies below it."""
    refuse_unreadable(path, LoadError)
    if not is_file(path):
        where = "" if path.is_absolute() else f" in {show_value(str(Path.cwd()))}"
        raise ModuleMissingError(f"no file {show_value(str(path))}{where}", hint=_suggest_target(str(path)))
    path = path.resolve()
    if not source:
        return Target(path.parent, path.stem, attribute)
    root = _resolve_folder(source)
    if not path.is_relative_to(root):
        raise LoadError(
            f"{show_value(str(path))} does not lie below the source folder {show_value(str(root))}",
            hint="`--source`, or the variable `OVENBIRD_SOURCE`",
        )
    return Target(root, ".".join(path.relative_to(root).with_suffix("").parts), attribute)


def _refuse_archive(path: Path) -> None:
    """Refuse a source that would have to be unpacked, which a build does. Errors: LoadError."""
    if path.suffix == ".py" or not is_file(path):
        return
    from ..common.archive_names import is_archive_name

    if is_archive_name(path.name):
        raise LoadError(
            f"the source {show_value(str(path))} is an archive, which a build unpacks",
            hint="unpack it, and name the folder: `--source`, or the variable `OVENBIRD_SOURCE`",
        )


def _write_inline(code: str, module: str) -> Path:
    """Write inline source to a temporary folder, from which it is imported like any other. Return the folder.

    The folder is removed when the process ends. Errors: LoadError.
    """
    from ..common.temporary_folders import make_temporary_folder

    folder = Path()
    try:
        folder = make_temporary_folder()
        path = folder.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
    except OSError as error:
        location = str(folder) if folder.name else "a temporary folder"
        raise LoadError(
            f"cannot write the inline source to {location}: {error.strerror or error}",
            hint="`TMPDIR` names a folder that can be written and has room",
        ) from None
    return folder


def _resolve_folder(name: str) -> Path:
    path = Path(name)
    if not is_folder(path):
        from ..common.redact import redact_source

        raise LoadError(
            f"the source folder {show_value(redact_source(name))} does not exist",
            hint="`--source`, or the variable `OVENBIRD_SOURCE`, names a folder",
        )
    return path.resolve()


def _suggest_target(path: str) -> str:
    """Return a hint: names of files in the same folder that may be meant, else the forms of a target."""
    folder = Path(path).parent
    names = [entry.name for entry in folder.iterdir()] if is_folder(folder) else []
    names = [name for name in names if name.endswith((".py", ".yaml", ".yml"))]
    suggestion = suggest_names(Path(path).name, names, cutoff=0.7)  # the endings alone make names similar
    return suggestion or "`FILE.py:handler`, `pkg.mod:fn`, or a folder with `function.yaml`"
