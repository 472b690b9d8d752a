"""The function document: parse -> validate -> complete.

`parse` guarantees YAML that is a mapping, `validate` guarantees every field's form and reports every problem at once,
`complete` fills in what was left out. What is not done here: nothing is fetched, and no code is imported.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .common.named_paths import is_file
from .common.text import show_value
from .errors import DocumentError, OvenbirdError

NAMES = ("function.yaml", "function.yml")
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
TWO_SOURCES = "spec.source: `code`"  # how the problem of two sources begins
_NAME = r"[a-zA-Z0-9.+\-_]+"
MODULE = r"[\w-]+(?:\.[\w-]+)*"  # as Python finds it: the file `01-train.py` is the module `01-train`
_HANDLER = rf"({MODULE}:)?[^\W\d]\w*(\.[^\W\d]\w*)*"
_REMOTE = r"[a-z][a-z0-9+.-]*://"

# field -> its type; other tools' fields are kept in `FunctionSpec.raw`, unread
_SPEC: dict[str, type] = {
    "python_version": str,
    "source": dict,
    "image": str,
    "base_image": str,
    "requirements": list,
}
_SOURCE: dict[str, type] = {
    "source": str,
    "handler": str,
    "init_function": str,
    "base64": str,
    "lang": str,
    "code": str,
    "allow": list,
    "root": str,
    "include": list,
    "exclude": list,
}
# fields that are not read here and never warned of: what the platform keeps beside the others, the fields of a task,
# which builds and manifests read, and what a build writes into the document of an image
_TOP = frozenset("name kind project spec metadata status id key user build".split())
_OF_TASK = frozenset(
    "inputs parameters init_parameters instructions replicas service_type service_name volumes resources envs secrets"
    " profile function task local_execution run".split()
)
_METADATA = frozenset(
    "name project version description license labels created updated created_by updated_by embedded"
    " relationships".split()
)


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function document, validated and completed.

    `root` is the folder of the document; `handler` is `name` or `module:name`; `source` a path or URI, or empty;
    `code` is the inline source text, decoded; `source_root` is the folder that modules are found from, where the
    document names one; `include` and `exclude` are patterns of files that a build packs or does not pack; `raw` the
    document in the types of JSON; `unknown` says for each field that nothing reads what it may have been meant for.
    """

    root: Path
    name: str
    handler: str
    project: str = ""
    init: str | None = None
    source: str = ""
    code: str | None = None
    python_version: str = ""
    image: str = ""
    base_image: str = ""
    requirements: tuple[str, ...] = ()
    source_root: Path | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    unknown: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def is_remote(self) -> bool:
        """Whether the source is a URL."""
        return self.code is None and re.match(_REMOTE, self.source) is not None

    @property
    def local_source(self) -> Path | None:
        """The source as a path; None when it is remote, inline or not set."""
        if not self.source or self.code is not None or self.is_remote:
            return None
        return _split_local(self.root, self.source)[0].resolve()

    @property
    def archive_folder(self) -> str:
        """The folder in an archive that is the source, as in `app.zip#src`; empty where none is named."""
        if re.match(_REMOTE, self.source):
            from .common.archive_names import split_folder

            return split_folder(self.source)[1]
        return _split_local(self.root, self.source)[1]

    @property
    def default_module(self) -> str:
        """The module of a handler without one: the local source's path without `.py`, else `main`."""
        if self.source.endswith(".py") and not re.match(_REMOTE, self.source):
            if self.source_root:
                path = (self.root / self.source).resolve().relative_to(self.source_root)
                return ".".join(path.with_suffix("").parts)
            return Path(self.source).stem
        return "main"


def _split_local(root: Path, source: str) -> tuple[Path, str]:
    """Return the path that a local source names, and the folder in it where that is an archive."""
    if os.path.exists(root / source):  # noqa: PTH110  # as in refuse_unreadable
        return root / source, ""
    from .common.archive_names import split_folder

    path, folder = split_folder(source)
    return root / path, folder


def refuse_unreadable(path: Path, error: type[OvenbirdError]) -> None:
    """Raise `error` when this process may not read a file, look into a folder, or enter one that leads there."""
    path = path.absolute()
    for ancestor in (*reversed(path.parents), path):
        folder = os.path.isdir(ancestor)  # noqa: PTH112  # pathlib's raises where a folder above may not be entered
        needed = (os.X_OK if folder else 0) | (os.R_OK if ancestor == path else 0)
        if os.path.exists(ancestor) and not os.access(ancestor, needed):  # noqa: PTH110  # as above
            raise error(
                f"cannot read {show_value(str(ancestor))}: Permission denied",
                hint=f"it is read as user {os.getuid()} of group {os.getgid()}: chmod -R a+rX, or run as another user",
            )


def find(folder: Path) -> Path:
    """Return the path of the function document in `folder`. Errors: DocumentError when there is none."""
    refuse_unreadable(folder, DocumentError)
    for name in NAMES:
        if is_file(folder / name):
            return folder / name
    raise DocumentError(
        f"no `function.yaml` in the folder {show_value(str(folder))}",
        hint="name the code, as `FILE.py:handler`; `ovenbird init` writes a function to begin with",
    )


def read(path: Path) -> FunctionSpec:
    """Return the function document at `path`, validated and completed. Errors: DocumentError, with every problem."""
    refuse_unreadable(path, DocumentError)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # the latter also for a NUL in the name
        decoding = isinstance(error, UnicodeDecodeError)
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text" if decoding else str(error)
        raise DocumentError(f"cannot read the function document {show_value(str(path))}: {reason}") from None
    document = parse(text, str(path))
    problems = validate(document, path.parent)
    if problems:
        problems += describe_unknown_fields(document)  # one may be a misspelled field that is missing
        raise DocumentError(f"the function document {show_value(str(path))} is not valid:", problems=tuple(problems))
    from .common.yaml_load import to_json_value

    return complete(to_json_value(document), path.parent.resolve())


def parse(text: str, name: str, *, parameters: bool = False) -> dict[str, Any]:
    """Return the mapping that a YAML text holds, within the limits of `load_yaml`, whose `parameters` it takes.

    Errors: DocumentError with the line and column.
    """
    from .common.yaml_load import load_yaml

    try:
        document = load_yaml(text, parameters=parameters)
    except ValueError as error:
        raise DocumentError(f"the function document {show_value(name)} is not valid YAML{error}") from None
    if not isinstance(document, dict):
        raise DocumentError(f"the function document {show_value(name)} is not a mapping: found {_name_type(document)}")
    return document


def _describe_name(field: str, value: object) -> str:
    hint = "; quote it, YAML reads it as a number" if isinstance(value, (int, float)) else ""
    return f"{field}: expected letters, digits and .+-_, found {show_value(value)}{hint}"


def validate(document: dict[str, Any], folder: Path) -> list[str]:
    """Return every problem of the document, each with its field and what was found; empty when it is valid."""
    problems: list[str] = []
    name = document.get("name")
    if name is None:
        problems.append("name: missing; letters, digits and .+-_")
    elif not isinstance(name, str) or not re.fullmatch(_NAME, name):
        problems.append(_describe_name("name", name))
    if document.get("kind") is None:
        problems.append("kind: missing; it is `python`")
    elif document["kind"] != "python":
        problems.append(f"kind: expected 'python', found {show_value(document['kind'])}")
    project = document.get("project")
    if project is not None and not (isinstance(project, str) and re.fullmatch(_NAME, project)):
        problems.append(_describe_name("project", project))
    spec = document.get("spec")
    if spec is None:
        return [*problems, "spec: missing; it holds at least `source`"]
    if not isinstance(spec, dict):
        return [*problems, f"spec: expected a mapping, found {_name_type(spec)}"]
    problems += _check_types(spec, _SPEC, "spec")
    problems += _parse_version(spec.get("python_version"))
    for index, item in enumerate(spec["requirements"] if isinstance(spec.get("requirements"), list) else []):
        if not isinstance(item, str) or not item.strip() or "\n" in item:
            problems.append(f"spec.requirements[{index}]: expected one requirement as text, found {show_value(item)}")
    source = spec.get("source")
    if source is None:
        problems.append("spec.source: missing; it holds at least `handler`")
    elif isinstance(source, dict):
        problems += _parse_source(source, folder)
    return problems


def complete(document: dict[str, Any], root: Path) -> FunctionSpec:
    """Return a FunctionSpec from a document in which `validate` found no problem."""
    spec: dict[str, Any] = document["spec"]
    source: dict[str, Any] = spec["source"]
    code = source.get("code")
    if source.get("base64"):
        code = _decode_text(source["base64"])
    return FunctionSpec(
        root=root,
        name=document["name"],
        project=document.get("project") or "",
        handler=source["handler"],
        init=source.get("init_function") or None,
        source=source.get("source") or "",
        code=code,
        python_version=python_version(spec.get("python_version") or ""),
        image=spec.get("image") or "",
        base_image=spec.get("base_image") or "",
        requirements=tuple(spec.get("requirements") or ()),
        source_root=(root / source["root"]).resolve() if source.get("root") else None,
        include=tuple(source.get("include") or ()),
        exclude=tuple(source.get("exclude") or ()),
        raw=document,
        unknown=describe_unknown_fields(document),
    )


def describe_unknown_fields(document: dict[str, Any]) -> tuple[str, ...]:
    """Return a sentence for each field that nothing reads, with a known field of a similar name.

    Fields of `metadata` are the user's own, so only those similar to a known one are named.
    A field that begins with `x-` is never named: it holds what the rest of the document repeats.
    """
    spec = document.get("spec")
    source = spec.get("source") if isinstance(spec, dict) else None
    sections = (
        ("", document, _TOP),
        ("metadata", document.get("metadata"), _METADATA),
        ("spec", spec, _SPEC.keys() | _OF_TASK),
        ("spec.source", source, _SOURCE.keys()),
    )
    if not any(isinstance(fields, dict) and fields.keys() - names for _, fields, names in sections):
        return ()
    from .common.unknown_fields import describe_unknown

    return describe_unknown(sections)


def refuse_unknown_fields(function: FunctionSpec) -> None:
    """Raise DocumentError when the function document has a field that nothing reads."""
    if function.unknown:
        raise DocumentError(
            "the function document has fields that nothing reads, which `--strict` refuses:",
            problems=function.unknown,
            hint="a field for your own use may begin with `x-`",
        )


def python_version(text: str) -> str:
    """Return `3.12` for `PYTHON3_12` or `3.12`; empty text for empty text."""
    return text.removeprefix("PYTHON").replace("_", ".") if text.startswith("PYTHON") else text


def _decode_text(text: str) -> str:
    """Return UTF-8 text from base64, which may contain line breaks. Errors: ValueError."""
    return base64.b64decode("".join(text.split()), validate=True).decode("utf-8")


def _parse_version(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, str):
        hint = "; quote it, YAML reads 3.10 as the number 3.1" if isinstance(value, float) else ""
        return [f"spec.python_version: expected text, found {show_value(value)}{hint}"]
    if python_version(value) not in VERSIONS:
        return [
            f"spec.python_version: expected one of {', '.join(VERSIONS)} (or PYTHON3_12), found {show_value(value)}"
        ]
    return []


def _parse_source(source: dict[str, Any], folder: Path) -> list[str]:
    problems = _check_types(source, _SOURCE, "spec.source")
    handler = source.get("handler")
    if handler is None or handler == "":
        problems.append("spec.source.handler: missing; `name` or `module:name`")
    elif isinstance(handler, str) and ".py:" in handler:
        problems.append(f"spec.source.handler: a module has no .py, write {show_value(handler.replace('.py:', ':'))}")
    elif isinstance(handler, str) and not re.fullmatch(_HANDLER, handler):
        problems.append(f"spec.source.handler: expected `name` or `module:name`, found {show_value(handler)}")
    problems += _check_sources(source) + _check_root(source, folder) + _check_patterns(source)
    init = source.get("init_function")
    if isinstance(init, str) and init and not init.isidentifier():
        problems.append(f"spec.source.init_function: expected the bare name of a function, found {show_value(init)}")
    if isinstance(source.get("base64"), str) and source["base64"]:
        try:
            _decode_text(source["base64"])
        except ValueError:
            problems.append("spec.source.base64: expected UTF-8 text in base64, found something else")
    elif isinstance(source.get("source"), str) and source["source"] and not source.get("code"):
        path = source["source"]
        if not re.match(_REMOTE, path) and not os.path.exists(_split_local(folder, path)[0]):  # noqa: PTH110  # as above
            from .common.redact import redact_source

            where = f"{show_value(redact_source(path))} below {show_value(str(folder))}{_suggest_url(path)}"
            problems.append(f"spec.source.source: no file or folder {where}")
        elif path.endswith(".ipynb") and isinstance(handler, str) and ":" not in handler:
            problems.append(
                f"spec.source.source: {show_value(path)} is a notebook, from which no module can be imported; save its"
                " code as a `.py` file: `jupyter nbconvert --to script`"
            )
    lang = source.get("lang")
    if isinstance(lang, str) and lang not in ("", "python"):
        problems.append(f"spec.source.lang: expected 'python', found {show_value(lang)}")
    return problems


def _suggest_url(path: str) -> str:
    """Return the form of a URL that a source may be meant to have; empty for a path."""
    if match := re.fullmatch(r"(?:git\+)?([\w.-]+@[\w.-]+):(?!//)/?(\S+)", path):
        return f"; a repository by ssh is written {show_value(f'git+ssh://{match[1]}/{match[2]}')}"
    if re.match(_REMOTE, path, re.IGNORECASE):
        scheme = path.partition("://")[0]
        return f"; the scheme of a URL is in small letters: `{scheme.lower()}://`"
    return ""


def _check_sources(source: dict[str, Any]) -> list[str]:
    """Return the problem of `code` together with another source.

    `base64` together with `source` is fine: the platform keeps both, the content and the name of its file.
    """
    code, other = source.get("code"), next((name for name in ("base64", "source") if source.get(name)), "")
    if not code or not other:
        return []
    value = f" ({show_value(source[other])})" if other == "source" else ""
    return [f"{TWO_SOURCES} and `{other}`{value} are two sources, and one is meant"]


def _check_root(source: dict[str, Any], folder: Path) -> list[str]:
    """Return what is wrong with `spec.source.root`: a folder above the document that must contain the local source."""
    text, path = source.get("root"), source.get("source") or "."
    if not isinstance(text, str) or not text:
        return []
    if source.get("base64") or source.get("code") or (isinstance(path, str) and re.match(_REMOTE, path)):
        return [f"spec.source.root: only a source of this machine has one, found {show_value(text)}"]
    root = (folder / text).resolve()
    if not os.path.isdir(root):  # noqa: PTH112  # as in refuse_unreadable
        return [f"spec.source.root: no folder {show_value(text)} below {show_value(str(folder))}"]
    for inner in (folder, folder / path) if isinstance(path, str) else ():
        if not inner.resolve().is_relative_to(root):
            return [f"spec.source.root: {show_value(str(inner))} does not lie in {show_value(text)}"]
    return []


def _check_patterns(source: dict[str, Any]) -> list[str]:
    """Return what is wrong with the items of `spec.source.include` and `exclude`."""
    return [
        f"spec.source.{name}[{index}]: expected one pattern as text, found {show_value(item)}"
        for name in ("include", "exclude")
        for index, item in enumerate(source[name] if isinstance(source.get(name), list) else ())
        if not isinstance(item, str) or not item.strip() or "\n" in item
    ]


def _check_types(mapping: dict[str, Any], table: dict[str, type], where: str) -> list[str]:
    """Return a problem for each field of another type than the table's. `python_version` is checked elsewhere."""
    return [
        f"{where}.{key}: expected {_WORDS[kind]}, found {_name_type(mapping[key])}"
        for key, kind in table.items()
        if mapping.get(key) is not None and not isinstance(mapping[key], kind) and key != "python_version"
    ]


_WORDS: dict[type, str] = {str: "text", dict: "a mapping", list: "a list"}


def _name_type(value: Any) -> str:
    return "nothing" if value is None else _WORDS.get(type(value)) or show_value(value)
