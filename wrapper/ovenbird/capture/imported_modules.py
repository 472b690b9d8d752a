"""Sort what a module imports: the standard library, installed distributions, and modules of the user's own."""

from __future__ import annotations

import ast
import contextlib
import importlib.metadata
import importlib.util
import json
import os
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path

from ..common.redact import redact_url
from ..errors import CaptureError
from .captured_module import LocalModule
from .changed_files import check_modules
from .source_units import read_file
from .statements import is_type_checking
from .syntax_tree import list_blocks, list_children, parse_python

# the runtime is in every image, and stands in for these where they are not installed
_RUNTIME = {"ovenbird"}
_STUBS = {"digitalhub_runtime_python", "nuclio_sdk"}
_PACKAGE_FOLDERS = {"site-packages", "dist-packages"}
_MOST_FILES = 2000  # of a local package that are searched for imports


@dataclass(slots=True)
class ImportedModules:
    """What a module and the user's own modules behind it import."""

    requirements: set[str] = field(default_factory=set)
    local_modules: dict[str, Path] = field(default_factory=dict)
    unresolved: set[str] = field(default_factory=set)

    def list_local(self) -> tuple[LocalModule, ...]:
        """Return the user's own modules by name."""
        return tuple(LocalModule(name, self.local_modules[name]) for name in sorted(self.local_modules))


def sort_imports(text: str, own_module: str = "", package: Path | None = None) -> ImportedModules:
    """Return what the text of a module imports, anywhere in it, and what the local modules among that import.

    `own_module` is the top-level name of the module itself, `package` the folder of its package if it is in one: all
    of it comes along. Nothing is imported; imports that only type checkers read
    count for nothing. A module whose import is tried (`try: import ujson`) may be missing.

    Errors: CaptureError for a module of the user's own that is not in a folder, such as one in an archive.
    """
    modules = ImportedModules()
    imports = [_list_imports(text)]
    if package is not None:
        modules.local_modules[own_module] = package
        check_modules(own_module, package)
        imports += _list_local_imports(package)
    sorted_names: set[str] = {own_module} if own_module else set()
    while imports:
        for name, is_tried in imports.pop():
            top = name.partition(".")[0]
            if top in sys.stdlib_module_names or top in _RUNTIME or top in sorted_names:
                continue
            spec = _find_spec(top)
            if spec is None or (top in _STUBS and not spec.has_location):
                if not is_tried and top not in _STUBS:
                    modules.unresolved.add(top)
                continue
            distributions = _find_distributions(name, spec)
            path = _find_path(spec)
            if distributions:
                modules.requirements |= {format_requirement(distribution) for distribution in distributions}
                if spec.has_location:  # a namespace package has parts of several distributions
                    sorted_names.add(top)
            elif path is None or not path.exists():
                raise _outside_error(top, spec)
            else:
                sorted_names.add(top)
                modules.local_modules[top] = path
                check_modules(top, path)
                imports += _list_local_imports(path)
    return modules


def _list_imports(text: str) -> list[tuple[str, bool]]:
    """Return the dotted names that a text imports, and whether each import stands in a `try`."""
    try:
        todo: list[tuple[ast.AST, bool]] = [(parse_python(text), False)]
    except (SyntaxError, ValueError):
        return []
    imports: list[tuple[str, bool]] = []
    has_calls = "import_module" in text
    while todo:
        node, is_tried = todo.pop()
        if isinstance(node, ast.If) and is_type_checking(node):
            todo += [(child, is_tried) for child in node.orelse]
            continue
        imports += [(name, is_tried) for name in _list_names(node)]
        is_inside = is_tried or isinstance(node, ast.Try)
        children = list_children(node) if has_calls else list_blocks(node)  # expressions of large modules take long
        todo += [(child, is_inside) for child in children]
    return imports


def _list_names(node: ast.AST) -> list[str]:
    """Return the dotted names that a statement or a call of `import_module` imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "import_module"):
        values = [item.value for item in node.args[:1] if isinstance(item, ast.Constant)]
        return [value for value in values if isinstance(value, str) and not value.startswith(".")]
    return []


def find_owner(module: str) -> list[importlib.metadata.Distribution]:
    """Return the distributions that have installed a module, by its dotted name; none for a module of the user's."""
    spec = _find_spec(module.partition(".")[0])
    return _find_distributions(module, spec) if spec is not None else []


def _find_spec(name: str) -> ModuleSpec | None:
    """Return where a top-level module is, without importing it."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if isinstance(spec, ModuleSpec):
        return spec
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def _find_path(spec: ModuleSpec) -> Path | None:
    """Return the file of a module, or the folder of a package; None for what is in neither."""
    folders = list(spec.submodule_search_locations or ())
    if spec.has_location and spec.origin:
        path = Path(spec.origin).absolute()
        return path.parent if folders and path.stem == "__init__" else path
    return Path(folders[0]).absolute() if len(folders) == 1 else None


def _find_distributions(name: str, spec: ModuleSpec) -> list[importlib.metadata.Distribution]:
    """Return the distributions that have installed a module; none when it is the user's own.

    A distribution in development (`pip install -e`) is the user's own: no index has what is on this disk.
    """
    path = _find_path(spec)
    if path is not None and not _is_package_folder(path.parent):
        return []
    if path is not None and spec.has_location:
        entries: tuple[str, ...] = (path.name,)
    else:  # the last part of a dotted name may be a name in a module
        entries = (name.replace(".", "/"), name.rpartition(".")[0].replace(".", "/"))
    return _search_distributions(name.partition(".")[0], entries, path, _read_search_path())


def _read_search_path() -> tuple[tuple[str, int], ...]:
    """Return the folders of `sys.path`, each with the time of its last change: an installation is one."""
    folders = []
    for folder in sys.path:
        with contextlib.suppress(OSError, ValueError):
            folders.append((folder, os.stat(folder or ".").st_mtime_ns))  # noqa: PTH116  # at each run: pathlib's is slow
    return tuple(folders)


@lru_cache(maxsize=1024)
def _search_distributions(
    top: str, entries: tuple[str, ...], path: Path | None, _search_path: tuple[tuple[str, int], ...]
) -> list[importlib.metadata.Distribution]:
    """Return the distributions that have installed one of the entries, the first that any has."""
    # most are called as their module is; to ask which one a module is of reads the lists of all
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        distribution = importlib.metadata.distribution(top)
        if _has_installed(distribution, entries[0], path):
            return [distribution]
    for entry in entries:
        owners = {
            each.metadata["Name"]: each
            for each in importlib.metadata.distributions()
            if _has_installed(each, entry, path)
        }
        if owners:
            return [owners[owner] for owner in sorted(owners)]
    return []


def _is_package_folder(folder: Path) -> bool:
    """Return whether distributions are installed in a folder; also by `pip install --target`."""
    return folder.name in _PACKAGE_FOLDERS or next(folder.glob("*.dist-info"), None) is not None


def _has_installed(distribution: importlib.metadata.Distribution, entry: str, path: Path | None) -> bool:
    """Return whether a distribution has a file, or files below a folder: `numpy`, `six.py`, `google/cloud/storage`.

    The list of its files is searched as text. `packages_distributions` would parse the lists of all distributions,
    and in Python 3.10 it knows only those that a tool of old has described.
    """
    if not entry or (path is not None and Path(str(distribution.locate_file(path.name))) != path):
        return False
    record = distribution.read_text("RECORD") or distribution.read_text("SOURCES.txt")
    if record is None:
        return entry.partition(".")[0] in (distribution.read_text("top_level.txt") or "").split()
    return any(f"\n{entry}{end}" in f"\n{record}" for end in ("/", ".", ","))


@lru_cache(maxsize=1024)
def format_requirement(distribution: importlib.metadata.Distribution) -> str:
    """Return a requirement of the installed version: `numpy==2.1.0`, or the commit of a repository."""
    name = distribution.metadata["Name"]
    with contextlib.suppress(ValueError, KeyError, TypeError):
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        if origin.get("vcs_info", {}).get("vcs") == "git":
            return f"{name} @ git+{redact_url(origin['url'])}@{origin['vcs_info']['commit_id']}"
    # an index has no local versions: `2.3.0+cpu` is 2.3.0 there
    return f"{name}=={distribution.version.partition('+')[0]}"


def _list_local_imports(path: Path) -> list[list[tuple[str, bool]]]:
    """Return what a local module, or each module of a local package, imports."""
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))[:_MOST_FILES]
    imports = []
    for file in files:
        with contextlib.suppress(OSError):  # removed meanwhile
            status = file.stat()
            imports.append(_list_file_imports(str(file), status.st_mtime_ns, status.st_size))
    return imports


@lru_cache(maxsize=2 * _MOST_FILES)
def _list_file_imports(file: str, _modified: int, _size: int) -> list[tuple[str, bool]]:
    """Return what a file imports. A large package is read once, not at each run of one of its functions."""
    text = read_file(file) if file.endswith(".py") else None
    return _list_imports(text) if text else []


def _outside_error(name: str, spec: ModuleSpec) -> CaptureError:
    where = f"`{spec.origin}`" if spec.origin else "no file"
    return CaptureError(
        f"the module `{name}` is not installed, and no file or folder holds it: it comes from {where}",
        name=name,
        hint="unpack the archive that holds it, or install it as a distribution",
    )
