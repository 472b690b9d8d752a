"""Import modules one after the other, and say which files were missing. Runs inside a container, by its Python, alone.

Usage: python -I -c <this> MARK SECONDS MODULE... On stdout comes, for each module that lacks something, a line of MARK
and a JSON list: the module, the modules that were not found, the files that were not found. What a module writes is
dropped. Other errors are the module's own: it may need a display, a device, or a package that nobody asked for.
"""

import importlib
import json
import os
import re
import sys
import time
import warnings


def list_missing(error: BaseException) -> tuple[set[str], set[str]]:
    """Return the modules and the files that an error, or one that it was raised from, did not find."""
    modules: set[str] = set()
    files: set[str] = set()
    pending: list[BaseException | None] = [error]
    visited: list[BaseException] = []
    while pending:
        current = pending.pop()
        if current is None or any(current is other for other in visited):
            continue
        visited.append(current)
        pending += [current.__cause__, current.__context__]
        if isinstance(current, ImportError) and current.name:
            attribute = re.match(r"cannot import name '(\w+)'", str(current))
            modules.add(f"{current.name}.{attribute[1]}" if attribute else current.name)
        if isinstance(current, OSError) and isinstance(current.filename, str):
            files.add(os.path.abspath(current.filename))  # noqa: PTH100  # nothing more is imported
    return modules, files


def main(mark: str, seconds: str, names: list[str]) -> None:
    """Import the modules as long as there is time."""
    end = time.monotonic() + float(seconds)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    warnings.simplefilter("ignore")
    for name in names:
        if time.monotonic() > end:
            break
        try:
            importlib.import_module(name)
        except BaseException as error:
            modules, files = list_missing(error)
            if modules or files:
                out.write(mark + json.dumps([name, sorted(modules), sorted(files)]) + "\n")
                out.flush()
    os._exit(0)  # no thread, and nothing that a module has registered, holds the end up


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
