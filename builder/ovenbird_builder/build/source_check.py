"""Check a source before anything is locked: report at once what could never start, and run nothing of it.

Every file has to parse by the target's grammar: one that the handler's module needs is an error, any other (a template,
a fixture of a test) a warning. The handler and its init have to be there. What is imported is compared with what the
image will hold, once the lock is known.
"""

from __future__ import annotations

import ast
import hashlib
import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovenbird.common.did_you_mean import nearest_name
from ovenbird.common.module_scan import ImportedModule, ModuleScan, scan
from ovenbird.common.module_shadowing import RUNTIME_MODULES
from ovenbird.common.text import show_value
from ovenbird.function_document import MODULE, FunctionSpec

from ..bases.stdlib_names import is_removed_in, list_stdlib_names
from ..cache.layer import compute_key
from ..cache.layer_cache import LayerCache
from ..errors import HandlerMissingError, SourceSyntaxError
from ..sources.import_names import guess_distribution, normalize_distribution
from ..sources.tree import SourceTree

_VERSION = 3
_MOST = 5  # warnings of one kind, names in a hint
_ALIKE = 0.7  # of a name that is a slip of another
_MODULE = re.compile(MODULE)
_HERE = (sys.version_info.major, sys.version_info.minor)
_log = logging.getLogger("ovenbird.source")
# the faults (line and text) of files, by their paths, as the target's own Python has them; None: it cannot be asked
Ask = Callable[[Path, list[str]], "Mapping[str, tuple[int, str]] | None"]


class SourceCheckResult(Struct, frozen=True):
    """What is known of a source that may start: warnings, modules from elsewhere by name, with where each is imported.

    `absent` is the handler's module where the source does not have it, `hint` what may be meant by it, `is_near`
    whether the source has a module of nearly that name; `is_sure` tells that no package can bring it, since the
    source has the package that it would lie in.
    `is_open` tells that `sys.path` is changed.
    """

    warnings: tuple[str, ...]
    imports: dict[str, str]
    absent: str = ""
    is_open: bool = False
    hint: str = ""
    is_near: bool = False
    is_sure: bool = False


def check_source(
    function: FunctionSpec, tree: SourceTree, version: str, cache: LayerCache, ask: Ask
) -> SourceCheckResult:
    """Check a source once per digest, log its warnings, and return the result. `version` is the target's (`3.12`).

    `ask` has the target's Python look at files that this one, of another version, does not parse.
    Errors: SourceSyntaxError, HandlerMissingError.
    """
    inputs = [tree.digest, function.handler, function.init or "", function.default_module, version, list(_HERE)]
    name = compute_key("source check", version=_VERSION, inputs=inputs)
    record = cache.recall(name)
    if record is None:
        checked = _examine(function, tree.path, version, ask, cache)
        record = [
            checked.warnings, checked.imports, checked.absent, checked.is_open, checked.hint, checked.is_near,
            checked.is_sure,
        ]  # fmt: skip
        cache.note(name, record, f"source of {function.name}")
    checked = SourceCheckResult(
        tuple(record[0]),
        dict(record[1]),
        str(record[2]),
        bool(record[3]),
        str(record[4]),
        bool(record[5]),
        bool(record[6]),
    )
    for text in checked.warnings:
        _log.warning(text)
    return checked


def check_handler(
    checked: SourceCheckResult,
    version: str,
    requirements: Iterable[tuple[str, str]],
    distributions: Iterable[str],
    *,
    is_elsewhere: Callable[[str], bool] = lambda _: False,
    has_installed: bool = False,
) -> None:
    """Refuse a handler whose module nothing can bring, before anything is locked.

    `requirements` are names and origins: which modules they have is not known yet, so a module that is not in the
    source passes where they may have it, and `check_imports` looks again. Where the source has a module of nearly
    that name only a requirement of that name may bring it, or one from a folder, a repository or a URL.
    `is_elsewhere` asks for a name at the top whether the base has it; it is called last.
    Errors: HandlerMissingError.
    """
    top = checked.absent.partition(".")[0]
    if not top:
        return
    rows = list(requirements)
    names = {normalize_distribution(name) for name in (*distributions, *(name for name, _ in rows))}
    is_known = (
        top in list_stdlib_names(version) | RUNTIME_MODULES or normalize_distribution(guess_distribution(top)) in names
    )
    is_own_code = any(origin or not name for name, origin in rows)
    is_likely = any(_is_alike(top, name) for name, _ in rows) if checked.is_near else bool(rows)
    may_be_brought = is_known or is_own_code or has_installed or is_likely
    if checked.is_sure or (not may_be_brought and not is_elsewhere(top)):
        where = "the source does not have it" if checked.is_sure else "neither the source nor a requirement has it"
        raise HandlerMissingError(f"there is no module {show_value(checked.absent)}: {where}", hint=checked.hint)


def check_imports(
    checked: SourceCheckResult,
    version: str,
    tops: Set[str],
    distributions: Iterable[str],
    *,
    is_elsewhere: Callable[[str], bool] = lambda _: False,
    has_installed: bool = False,
) -> None:
    """Log a warning for each module that nothing brings. `tops` are the names at the top of the lock's wheels.

    `distributions` are those that the base has. `is_elsewhere` asks whether it has a module in another way;
    `has_installed` tells that an instruction may have installed a module.
    Errors: HandlerMissingError where the handler's own module comes from nowhere.
    """
    present = {normalize_distribution(distribution) for distribution in distributions}
    brought = list_stdlib_names(version) | RUNTIME_MODULES | tops

    def has(module: str) -> bool:
        return module in brought or normalize_distribution(guess_distribution(module)) in present

    top = checked.absent.partition(".")[0]
    if checked.absent and not has(top) and not has_installed and not is_elsewhere(top):
        raise HandlerMissingError(
            f"there is no module {show_value(checked.absent)}: neither the source nor the lock has it",
            hint=checked.hint,
        )
    missing = [] if checked.is_open or has_installed else [name for name in checked.imports if not has(name)]
    for name in missing[:_MOST]:
        why = f"; Python {version} has it no more" if is_removed_in(name, version) else ""
        _log.warning(
            f"{checked.imports[name]} imports {show_value(name)}, which neither the source, Python {version}, the lock"
            f" nor the base has{why}: is {guess_distribution(name)} missing in the requirements?"
        )
    if len(missing) > _MOST:
        _log.warning(f"{len(missing) - _MOST} more modules are imported that nothing brings")


def _examine(function: FunctionSpec, root: Path, version: str, ask: Ask, cache: LayerCache) -> SourceCheckResult:
    faults = _find_faults(function.name, root, version, ask, cache)
    module, _, attribute = function.handler.rpartition(":")
    module = module or function.default_module
    path = _find_file(root, module)
    reached, imports, is_open = _trace_imports(root, module, faults)
    for file in reached:
        if file in faults:
            line, text = faults[file]
            raise SourceSyntaxError(
                f"{file}, line {line}: {text}",
                hint=f"the image's Python is {version}, and the handler needs this file",
            )
    texts = [
        f"{file}, line {line}: {text}; nothing that the handler imports needs it"
        for file, (line, text) in faults.items()
    ]
    if len(texts) > _MOST:
        texts = [*texts[:_MOST], f"{len(texts) - _MOST} more files are no Python {version}"]
    if path is None:
        if _is_compiled(root, module):
            return SourceCheckResult(tuple(texts), imports, "", is_open)
        hint, is_near = _describe_near(root, module, attribute)
        is_sure = not is_open and _is_sure(root, module)
        return SourceCheckResult(tuple(texts), imports, module, is_open, hint, is_near, is_sure)
    scanned = _scan(path)
    if scanned:
        _check_names(path.relative_to(root).as_posix(), scanned, attribute.partition(".")[0], function.init or "")
    return SourceCheckResult(tuple(texts), imports, "", is_open)


def _is_alike(top: str, distribution: str) -> bool:
    """Return whether a distribution may well have a module of that name: one name holds the other."""
    first, second = (re.sub("[-_.]", "", name).lower() for name in (top, distribution))
    return first in second or second in first


def _is_compiled(root: Path, module: str) -> bool:
    """Return whether the source has a module without its Python file: an extension, or bytecode alone."""
    stem = module.replace(".", "/")
    return any(any(root.glob(f"{name}{end}")) for name in (stem, f"{stem}/__init__") for end in (".*so", ".so", ".pyc"))


def _is_sure(root: Path, module: str) -> bool:
    """Return whether a module that the source has not can be nowhere else, as its package is the source's own.

    A folder without an `__init__.py` may be a namespace, of which a requirement brings another part.
    """
    top, _, rest = module.partition(".")
    package = _find_file(root, top)
    if not rest or package is None:
        return False
    return "__path__" not in package.read_text(encoding="utf-8", errors="replace")


def _describe_near(root: Path, module: str, attribute: str) -> tuple[str, bool]:
    """Return a hint for a module that the source does not have, and whether the source has one of nearly that name."""
    names = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if _MODULE.fullmatch(name):
            names.append(name)
    if root.joinpath(*module.split(".")).is_dir():
        return f"{module.replace('.', '/')} is a folder without an `__init__.py`", False
    if lower := [name for name in names if name.endswith(f".{module}")]:
        folder = lower[0].removesuffix(f".{module}").replace(".", "/")
        return f"did you mean `{lower[0]}:{attribute}`, or `spec.source.source: {folder}`?", True
    if suggestion := nearest_name(module, names, cutoff=_ALIKE):
        return f"did you mean `{suggestion}:{attribute}`?", True
    some = ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
    return f"`spec.source.handler` is `MODULE:FUNCTION`; the source has {some or 'no Python file'}", False


def _check_names(file: str, scanned: ModuleScan, handler: str, init: str) -> None:
    """Refuse a module without its handler or init. Errors: HandlerMissingError."""
    if scanned.names is None:
        return
    targets = [("handler", handler, scanned.names), ("init function", init, scanned.names | scanned.methods)]
    for label, name, names in targets:
        # `main.py` alone means the one function that the decorator of that name marks
        if not name or name in names or (label == "handler" and name == "handler" and scanned.is_decorated):
            continue
        suggestion = nearest_name(name, sorted(names))
        raise HandlerMissingError(
            f"{file} does not define the {label} {show_value(name)}",
            hint=f"did you mean {suggestion}?" if suggestion else "",
        )


def _find_faults(name: str, root: Path, version: str, ask: Ask, cache: LayerCache) -> dict[str, tuple[int, str]]:
    """Return the files that are no Python of the target's version, by path: the line and what is wrong.

    A file that the last build of the function named `name` has parsed is not parsed again.
    """
    target = tuple(int(part) for part in version.split(".")[:2])
    note = compute_key("parsed sources", version=_VERSION, name=name, target=version, here=list(_HERE))
    before, after, faults = cache.recall(note) or {}, dict[str, list[Any] | None](), dict[str, tuple[int, str]]()
    for path in sorted(root.rglob("*.py")):
        if not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        fault = before[digest] if digest in before else _find_fault(data, target)
        after[digest] = list(fault) if fault else None
        if fault:
            faults[path.relative_to(root).as_posix()] = (int(fault[0]), str(fault[1]))
    if after != before:
        cache.note(note, after, f"parsed sources of {name}")
    if not faults or target == _HERE:
        return faults
    answer = ask(root, sorted(faults))
    if answer is not None:
        return dict(answer)
    if target < _HERE:
        return faults
    names = ", ".join(sorted(faults)[:_MOST])
    _log.warning(f"Python {version} cannot be asked here, and this Python is older: not parsed were {names}")
    return {}


def _find_fault(data: bytes, target: tuple[int, ...]) -> tuple[int, str] | None:
    """Return why a file is no Python; by this Python's compiler, and for an older target by its grammar too."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, "<source>", "exec", dont_inherit=True)
            if target < _HERE:
                ast.parse(data, feature_version=(target[0], target[1]))
    except SyntaxError as error:
        return error.lineno or 1, f"{type(error).__name__}: {error.msg}"
    except ValueError as error:
        return 1, str(error)
    except (RecursionError, MemoryError):
        return None  # too deep for this process; another may have the stack for it
    return None


def _scan(path: Path) -> ModuleScan | None:
    try:
        return scan(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _find_file(root: Path, module: str) -> Path | None:
    """Return the file of a module in the source."""
    base = root.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _trace_imports(root: Path, module: str, faults: Mapping[str, object]) -> tuple[list[str], dict[str, str], bool]:
    """Return the files that importing a module surely runs, the modules from elsewhere, and whether paths change."""
    reached: list[str] = []
    imports: dict[str, str] = {}
    is_open = False
    todo, visited = [*_list_parents(module)], set[str]()
    while todo:
        name = todo.pop(0)
        path = _find_file(root, name)
        if name in visited or path is None:
            continue
        visited.add(name)
        file = path.relative_to(root).as_posix()
        reached.append(file)
        scanned = None if file in faults else _scan(path)
        if scanned is None:
            continue
        is_open = is_open or scanned.moves_path
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for entry in scanned.imports:
            full = _resolve_name(entry, package)
            top = full.partition(".")[0]
            if top and not entry.level and not _is_own(root, top):
                imports.setdefault(top, f"{file}, line {entry.line},")
                continue
            todo += _list_parents(full)
            todo += [f"{full}.{name}".strip(".") for name in entry.names if name != "*"]
    return reached, imports, is_open


def _resolve_name(entry: ImportedModule, package: str) -> str:
    """Return the full name of what an import in a package names."""
    if not entry.level:
        return entry.module
    parts = package.split(".") if package else []
    return ".".join([*parts[: len(parts) - entry.level + 1], *([entry.module] if entry.module else [])])


def _list_parents(module: str) -> list[str]:
    """Return a module's packages, from the top, and itself."""
    parts = module.split(".")
    return [".".join(parts[: number + 1]) for number in range(len(parts))] if module else []


def _is_own(root: Path, top: str) -> bool:
    """Return whether a module at the top is of the source."""
    return (root / top).is_dir() or (root / f"{top}.py").exists() or any(root.glob(f"{top}.*so"))
