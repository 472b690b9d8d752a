"""Collect what a function needs, each requirement with where it stands.

What names requirements outright counts first: `spec.requirements` and `--requirements FILE`, added up. When neither
does, the source is searched, and the first that declares something is used: `pylock.toml`, `requirements.txt`,
`pyproject.toml` (`[project]`, `[tool.poetry]`), `setup.cfg`, `setup.py`, `Pipfile`, the inline metadata of the
handler's file (PEP 723). The lock of uv, Poetry, PDM or Pipenv beside it limits the versions. `--requirement` adds to
either.
"""

from __future__ import annotations

import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ovenbird.common.text import show_value
from ovenbird.function_document import FunctionSpec

from ..errors import LockError
from .folder_content import digest_content
from .shared_code import OutsideError, locate, mirror_repository

if TYPE_CHECKING:
    from .projects.foreign_locks import ProjectLock
    from .projects.project_file import DeclaredDependencies
    from .requirement_line import RequirementLine
    from .requirements_file import RequirementsFile

_SEARCHED = (
    "pylock.toml", "requirements.txt", "pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "Pipfile.lock",
)  # fmt: skip
_WITH_EXTRAS = ("pyproject.toml", "setup.cfg", "setup.py")
# files that name packages in a way that is not read; mentioned when nothing else names any
_UNREAD = (
    "environment.yml", "environment.yaml", "conda.yaml", "conda-lock.yml", "pixi.toml", "pixi.lock", "uv.lock",
    "poetry.lock", "pdm.lock",
)  # fmt: skip


class Requirements(Struct, frozen=True):
    """The requirements of a function (`lines`) and what limits them; `root` is the folder that paths are relative to.

    `used` says for people where it all comes from, `notes` what was found and not used. `pylock` is a lock that is
    taken as it is; `lock_file` is the lock of another tool, and `pinned` what it limits. `only_binary` are names
    (`:all:` for all) of which wheels alone are taken, `find_links` folders below `root` that hold further files; with
    `require_hashes` every pin needs a hash that the requirements name.
    """

    lines: tuple[RequirementLine, ...] = ()
    constraints: tuple[RequirementLine, ...] = ()
    root: Path = Path()
    used: str = ""
    notes: tuple[str, ...] = ()
    pre: bool = False
    only_binary: tuple[str, ...] = ()
    require_hashes: bool = False
    find_links: tuple[str, ...] = ()
    requires_python: str = ""
    pylock: Path | None = None
    lock_file: Path | None = None
    pinned: tuple[RequirementLine, ...] = ()

    def list_texts(self) -> tuple[str, ...]:
        """Return the requirements for a lock's head: sorted, a path or a lock with the digest of its content."""
        texts = {self.format_line(line) for line in self.lines}
        texts |= {f"{path.name} ({digest_content(path)[:23]})" for path in (self.pylock, self.lock_file) if path}
        texts |= {f"--only-binary {name}" for name in self.only_binary}
        texts |= {"--require-hashes"} if self.require_hashes else set()
        texts |= {f"--find-links {name} ({digest_content(self.root / name)[:23]})" for name in self.find_links}
        return tuple(sorted(texts))

    def list_limits(self) -> tuple[str, ...]:
        """Return the constraints for a lock's head."""
        return tuple(sorted({line.text + _format_hashes(line) for line in self.constraints}))

    def format_line(self, line: RequirementLine) -> str:
        """Return a requirement as a lock's head lists it."""
        words = line.text + (" --pre" if self.pre else "") + _format_hashes(line)
        if line.origin.startswith("file:"):
            words += f" ({digest_content(self.root / line.origin.removeprefix('file:'))[:23]})"
        return words


class RequirementFlags(Struct, frozen=True):
    """What flags say of requirements: those named outright, files of them, limits, extras of a project.

    `indexes` are the URLs that a file may repeat.
    """

    requirements: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    constraints: tuple[Path, ...] = ()
    extras: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()


_NO_FLAGS = RequirementFlags()


def collect_requirements(function: FunctionSpec, tree: Path, flags: RequirementFlags = _NO_FLAGS) -> Requirements:
    """Return the requirements of a function whose source is in `tree`.

    A path may lead out of the tree where the source is a folder of this machine, and stays within its repository.

    Errors: LockError, with file and line, for anything malformed, outside of the tree or refused.
    """
    try:
        return _collect_from(function, tree, flags)
    except OutsideError:
        with mirror_repository(function, tree) as mirrored:
            if mirrored is None:
                raise
            function, tree = mirrored
            return _collect_from(function, tree, flags)


def _collect_from(function: FunctionSpec, tree: Path, flags: RequirementFlags) -> Requirements:
    extras, indexes = flags.extras, flags.indexes
    home = _find_base_folder(function, tree)
    requirements = Requirements(root=home)
    named = [_parse_requirement(text, f"spec.requirements[{i}]", home) for i, text in enumerate(function.requirements)]
    if named:
        requirements = replace(requirements, lines=tuple(named), used="spec.requirements")
    for path in flags.files:
        requirements = _add_file(requirements, locate(path), indexes, str(path), function.local_source)
    try:
        searched = _search_source(requirements, function, tree, extras, indexes)
    except LockError:
        if not requirements.used:
            raise
        searched = Requirements(root=tree)  # what cannot be read does not matter then
    if not requirements.used:
        requirements = searched
    elif searched.used:
        note = f"{searched.used} is not used: {requirements.used} names what is needed"
        requirements = replace(requirements, notes=(*requirements.notes, note))
    if extras and not any(name in requirements.used for name in _WITH_EXTRAS):
        raise LockError(
            f"--extra {', '.join(extras)}: no `pyproject.toml` is in use", hint=f"used: {requirements.used or '-'}"
        )
    added = [_parse_requirement(text, "--requirement", home) for text in flags.requirements]
    if added:
        if requirements.pylock:
            raise LockError("`--requirement` cannot add to `pylock.toml`: it is a lock", hint="`--requirements FILE`")
        used = f"{requirements.used} and --requirement" if requirements.used else "--requirement"
        requirements = replace(requirements, lines=(*requirements.lines, *added), used=used)
    for path in flags.constraints:
        listing = _read_file(path, path.resolve().parent, indexes, str(path), "constraints")
        requirements = replace(
            requirements,
            constraints=(*requirements.constraints, *listing.constraints),
            notes=(*requirements.notes, *listing.notes),
        )
    return requirements


def _parse_requirement(text: str, where: str, root: Path) -> RequirementLine:
    from .requirement_line import parse_requirement  # and packaging: not for a function that names none

    return parse_requirement(text, where, root)


def _read_file(
    path: Path, root: Path, indexes: tuple[str, ...], label: str, kind: str = "requirements"
) -> RequirementsFile:
    from .requirements_file import read_requirements

    return read_requirements(path, root, indexes=indexes, label=label, kind=kind)


def _format_hashes(line: RequirementLine) -> str:
    return "".join(f" --hash={value}" for value in line.hashes)


def _add_file(
    requirements: Requirements, path: Path, indexes: tuple[str, ...], label: str, source: Path | None = None
) -> Requirements:
    """Add a requirements file, which may lie in the folder `source` that the tree is a copy of.

    Errors: LockError, also for a path in a file that lies in neither.
    """
    real = path.resolve()
    roots = [root for root in (requirements.root, source) if root and real.is_relative_to(root.resolve())]
    listing = _read_file(path, roots[0] if roots else real.parent, indexes, label)
    for line in listing.requirements:
        if not roots and line.origin.startswith("file:"):
            raise LockError(
                f"{line.where}: {show_value(line.text)} is relative to the folder of a file that lies outside of the"
                " source",
                hint="put the file and what it names into the source",
            )
    if not roots and listing.find_links:
        raise LockError(f"{label}: `--find-links` names a folder that lies outside of the source")
    return replace(
        requirements,
        lines=(*requirements.lines, *listing.requirements),
        constraints=(*requirements.constraints, *listing.constraints),
        used=f"{requirements.used} and {label}" if requirements.used else label,
        pre=requirements.pre or listing.pre,
        only_binary=tuple(sorted({*requirements.only_binary, *listing.only_binary})),
        require_hashes=requirements.require_hashes or listing.require_hashes,
        find_links=tuple(dict.fromkeys((*requirements.find_links, *listing.find_links))),
        notes=(*requirements.notes, *listing.notes),
    )


def _find_base_folder(function: FunctionSpec, tree: Path) -> Path:
    """Return the folder that paths of requirements start from: the source's, or the document's below its own root."""
    if function.source_root is None:
        return tree
    return tree / function.root.resolve().relative_to(function.source_root.resolve())


def _is_declaration(path: Path) -> bool:
    """Return whether a file that declares something is there. Errors: LockError for what only has its name."""
    if path.is_file():
        return True
    if path.is_symlink():
        raise LockError(
            f"{path.name} is a link to {show_value(str(path.readlink()))}, where no file is",
            hint="put the file there; without the link the function needs nothing",
        )
    if path.exists():
        kind = "a folder" if path.is_dir() else "no file"
        raise LockError(
            f"{path.name} is {kind}, and the file of this name says what a function needs",
            hint=f"rename it; `--requirements {path.name}/FILE` names a file in it" if path.is_dir() else "",
        )
    return False


def _search_source(
    requirements: Requirements, function: FunctionSpec, tree: Path, extras: tuple[str, ...], indexes: tuple[str, ...]
) -> Requirements:
    """Return the files that the source itself has; else those next to the document, if the source is a folder below."""
    empty = Requirements(root=tree)
    folders_beside = [function.root] if function.local_source and function.root.resolve() != tree.resolve() else []
    folders = (
        [_find_base_folder(function, tree), *folders_beside, tree] if function.source_root else [tree, *folders_beside]
    )
    extras = extras if not requirements.used else ()
    notes: tuple[str, ...] = ()
    for folder in folders:
        for name in _SEARCHED:
            path = folder / name
            if not _is_declaration(path):
                continue
            current = replace(empty, root=folder, notes=notes)
            if name == "pylock.toml":
                return replace(current, pylock=path, used=name)
            if name == "requirements.txt":
                return _add_file(current, path, indexes, name)
            if name == "Pipfile.lock":
                return _add_pipenv_lock(current, path)
            declared = _read_declaration(path, extras, indexes)
            if declared is not None and declared.notes and not declared.requirements:
                notes = (*notes, *declared.notes)  # it says nothing that can be read: another may
            elif declared is not None:
                return _add_declared(current, declared, name + "".join(f" [{extra}]" for extra in extras), folder)
    text, name = _read_code(function, tree)
    if "# /// script" in text:
        from .projects.pyproject import read_inline_metadata

        if block := read_inline_metadata(text, name, tree):
            return _add_declared(replace(empty, notes=notes), block, f"the inline metadata of {name}")
    unread = sorted({name for folder in folders for name in _UNREAD if (folder / name).is_file()})
    if unread:
        notes = (*notes, f"{', '.join(unread)}: not read, and nothing else names what the function needs")
    return replace(empty, notes=notes)


def _read_declaration(path: Path, extras: tuple[str, ...], indexes: tuple[str, ...]) -> DeclaredDependencies | None:
    """Return the dependencies that one file of a project declares; None when it declares none."""
    if path.name == "pyproject.toml":
        from .projects.pyproject import read_pyproject

        return read_pyproject(path, extras, indexes)
    if path.name == "Pipfile":
        from .projects.pipfile import read_pipfile

        return read_pipfile(path, indexes)
    from .projects.setuptools import read_setup_cfg, read_setup_py

    return (read_setup_cfg if path.name == "setup.cfg" else read_setup_py)(path, extras)


def _add_declared(
    requirements: Requirements, declared: DeclaredDependencies, used: str, folder: Path | None = None
) -> Requirements:
    """Add what is declared, and what the lock of the project's tool in `folder` limits."""
    notes = (*requirements.notes, *declared.notes)
    merged = replace(
        requirements, lines=declared.requirements, requires_python=declared.requires_python, used=used, notes=notes,
        constraints=declared.constraints,
    )  # fmt: skip
    lock = _find_lock(folder, used) if folder else None
    if lock is None:
        return merged
    return replace(
        merged, lines=tuple(map(lock.pin_commit, merged.lines)), pinned=lock.pinned, lock_file=lock.path,
        used=f"{used} with {lock.path.name}", notes=(*notes, *lock.notes),
    )  # fmt: skip


def _find_lock(folder: Path, used: str) -> ProjectLock | None:
    names: tuple[str, ...] = ("Pipfile.lock",) if used == "Pipfile" else ("uv.lock", "poetry.lock", "pdm.lock")
    names = names if used.startswith(("Pipfile", "pyproject.toml")) else ()
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        return None
    from .projects.foreign_locks import read_lock

    return read_lock(path)


def _add_pipenv_lock(requirements: Requirements, path: Path) -> Requirements:
    """Add all that a Pipfile.lock holds, where there is no Pipfile."""
    from .projects.foreign_locks import read_lock

    lock = read_lock(path)
    return replace(requirements, lines=lock.pinned, used=path.name, notes=(*requirements.notes, *lock.notes))


def _read_code(function: FunctionSpec, tree: Path) -> tuple[str, str]:
    """Return the text and the name of the file that holds the handler."""
    if function.code is not None:
        return function.code, "the inline code"
    module = function.handler.rpartition(":")[0] or function.default_module
    path = tree / f"{module.replace('.', '/')}.py"
    try:
        with tokenize.open(path) as file:  # by its byte order mark or coding line, as Python reads it
            return file.read(), path.name
    except (OSError, SyntaxError, ValueError, LookupError):  # no such file; an encoding that there is not, or another
        return "", ""
