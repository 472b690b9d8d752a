"""Find the distributions of imported modules, without `importlib.metadata`, which is too slow for a short run.

A folder of packages is listed once. Where a module is not called as its distribution is (`sklearn`, `yaml`), the lists
of installed files say whose it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

# imported when Python starts, not by the function
_HOOKS = ("_distutils_hack", "_virtualenv", "sitecustomize", "usercustomize")
# modules that Ovenbird imports and whose distributions have other names: their files need no search
_RUNTIME = {"yaml": "pyyaml", "_yaml": "pyyaml", "multipart": "python-multipart"}
_STANDARD = os.path.dirname(os.__file__)  # noqa: PTH120  # a text is compared
_owners: dict[tuple[str, str], tuple[str, str]] = {}  # folder and file -> name and version, as lists of files say


def list_imported_packages(modules: Collection[str] | None = None) -> dict[str, str]:
    """Return the versions of the distributions that are imported, by their normalised names in order.

    With `modules`, only of those top-level modules. What is installed in no folder of packages is not found.
    """
    versions: dict[str, str] = {}
    for folder, files in _list_module_files(modules).items():
        try:
            installed = _list_installed(folder)
        except OSError:  # a zip file, or a folder that is gone
            continue
        unknown: set[str] = set()
        for name, paths in files.items():
            distribution = installed.get(_RUNTIME.get(name) or name.lower().replace("_", "-"))
            if distribution and len(paths) == 1:
                versions[distribution[0]] = distribution[1]
            else:
                unknown |= paths
        if unknown:
            versions.update(_find_owners(folder, installed.values(), unknown).values())
    return dict(sorted(versions.items()))


def find_import_root(name: str) -> str:
    """Return the package of an imported module: its top-level name, or the part of a namespace package.

    `google.cloud.storage` is the package of `google.cloud.storage.blob`, as `google` and `google.cloud` have no file.
    """
    end = name.find(".")
    while end > 0:
        variables = _read_variables(sys.modules.get(name[:end]))
        if variables.get("__file__") or "__path__" not in variables:
            return name[:end]
        end = name.find(".", end + 1)
    return name


def find_module_file(name: str) -> str:
    """Return the file of an imported module; empty for one without."""
    file = _read_variables(sys.modules.get(name)).get("__file__")
    return file if isinstance(file, str) else ""


def find_distributions(packages: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return name and version of the distribution of each package that has one; see `find_import_root`."""
    folders: dict[str, dict[str, str]] = {}
    for name in packages:
        if file := find_module_file(name):
            path = os.path.dirname(file) if _strip_suffixes(file) == "__init__" else file  # noqa: PTH120
            for _ in range(name.count(".") + 1):
                path = os.path.dirname(path)  # noqa: PTH120
            folders.setdefault(path, {})[name] = file[len(path) + 1 :]
    owners: dict[str, tuple[str, str]] = {}
    for folder, files in folders.items():
        try:
            installed = _list_installed(folder)
        except OSError:
            continue
        unknown: dict[str, str] = {}
        for name, file in files.items():
            distribution = installed.get(_RUNTIME.get(name) or name.lower().replace("_", "-"))
            if distribution and "." not in name:
                owners[name] = distribution[:2]
            else:
                unknown[name] = file
        by_file = _find_owners(folder, installed.values(), unknown.values())
        owners |= {name: by_file[file] for name, file in unknown.items() if file in by_file}
    return owners


def _list_module_files(modules: Collection[str] | None) -> dict[str, dict[str, set[str]]]:
    """Return folders, the top-level modules in each, and their files below it: one, or all of a namespace package."""
    folders: dict[str, dict[str, set[str]]] = {}
    namespaces: dict[str, list[str]] = {}
    for name in list(sys.modules if modules is None else modules):
        module = sys.modules.get(name)
        if "." in name or name in _HOOKS or name.startswith("__editable__") or module is None:
            continue
        variables = _read_variables(module)
        file = variables.get("__file__")
        if isinstance(file, str):
            path = os.path.dirname(file) if _strip_suffixes(file) == "__init__" else file  # noqa: PTH120
            folder = os.path.dirname(path)  # noqa: PTH120
            if folder != _STANDARD and not folder.startswith(f"{_STANDARD}/lib-dynload"):
                folders.setdefault(folder, {}).setdefault(name, set()).add(file[len(folder) + 1 :])
        elif "__path__" in variables:
            namespaces[name] = [path for path in variables["__path__"] if isinstance(path, str)]
    for name, paths in namespaces.items():
        inside = [
            _read_variables(module).get("__file__")
            for key, module in list(sys.modules.items())
            if key.startswith(f"{name}.")
        ]
        for path in paths:
            folder = os.path.dirname(path)  # noqa: PTH120
            files = {
                file[len(folder) + 1 :] for file in inside if isinstance(file, str) and file.startswith(f"{path}/")
            }
            if files:
                folders.setdefault(folder, {}).setdefault(name, set()).update(files, [f"{name}/"])
    return folders


def _read_variables(module: Any) -> dict[str, Any]:
    """Return the variables of a module. A lazy module stays unloaded."""
    try:
        variables = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}
    return variables if isinstance(variables, dict) else {}


def _strip_suffixes(file: str) -> str:
    return file.rpartition("/")[2].partition(".")[0]


def _list_installed(folder: str) -> dict[str, tuple[str, str, str]]:
    """Return the distributions in a folder by name: normalised name, version, folder of metadata."""
    entries = {}
    for entry in os.listdir(folder):  # noqa: PTH208  # the cheapest look
        if entry.endswith((".dist-info", ".egg-info")):
            name, dash, version = entry[: entry.rindex(".")].partition("-")
            if dash:
                name = name.lower().replace("_", "-").replace(".", "-")
                entries[name] = (name, version.partition("-py")[0], entry)
    return entries


def _find_owners(
    folder: str, installed: Iterable[tuple[str, str, str]], files: Iterable[str]
) -> Mapping[str, tuple[str, str]]:
    """Return the distributions in a folder that have installed these files: file -> name and version."""
    owners = {file: _owners[folder, file] for file in files if (folder, file) in _owners}
    lines = {file: f"\n{file},".encode() for file in files if not file.endswith("/") and file not in owners}
    for name, version, entry in installed if lines else ():
        try:
            record = b"\n" + Path(folder, entry, "RECORD").read_bytes()
        except OSError:
            continue
        for file in [file for file, line in lines.items() if line in record]:
            owners[file] = _owners[folder, file] = (name, version)
            del lines[file]
    return owners
