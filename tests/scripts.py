"""Run text as the main script of a session, in this process, and captured text in a fresh one."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

from ovenbird.capture.captured_module import CapturedModule


def run_script(path: Path, text: str, **names: Any) -> dict[str, Any]:
    """Write a script, run it as `python path` does, and return its namespace."""
    path.write_text(text)
    module = types.ModuleType("__main__")
    module.__file__ = str(path)
    vars(module).update(names)
    exec(compile(text, str(path), "exec", dont_inherit=True), vars(module))
    return vars(module)


def import_file(path: Path, name: str = "") -> types.ModuleType:
    """Import a file as a module of its own name, or of the dotted `name`."""
    import importlib

    name = name or path.stem
    root = path.parents[name.count(".")]
    sys.path.insert(0, str(root))
    try:
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(root))


def call_in_fresh_process(module: CapturedModule, call: str, folder: Path, *paths: Path) -> str:
    """Write the captured text into a folder, and return the repr of a call in a new process that imports it.

    `paths` are further folders of modules. The names of the module are there by themselves.
    """
    folder.mkdir(exist_ok=True)
    path = folder / module.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(module.text, encoding="utf-8")
    code = (
        f"import sys; sys.path[:0] = {[str(folder), *map(str, paths)]!r}\n"
        f"import importlib\nmodule = importlib.import_module({module.module!r})\n"
        f"print(repr(eval({call!r}, vars(module))), end='')"
    )
    command = [sys.executable, "-I", "-c", code]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process.stderr + module.text
    return process.stdout
