"""Find files of a source root that would hide a module that Python or the runtime needs, at build and at start."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

# What the runtime itself imports: a user's file of that name, first on sys.path, would break it.
RUNTIME_MODULES = frozenset(
    """anyio click dulwich h11 httptools idna msgspec multipart obstore ovenbird python_multipart sniffio
    starlette typing_extensions urllib3 uvicorn uvloop watchfiles websockets yaml""".split()
)
# Modules of the standard library that nothing else imports: a folder `test` is everyday, and harmless.
_HARMLESS = frozenset(["antigravity", "idlelib", "lib2to3", "test", "this", "turtle", "turtledemo"])


def find_shadows(root: Path, standard: frozenset[str] = sys.stdlib_module_names) -> Iterator[tuple[Path, str, str]]:
    """Return each file or package below `root` that hides a needed module, the module's name, and its owner.

    `standard` holds the standard library's modules of the Python that will run; by default this one.
    """
    needed = (standard | RUNTIME_MODULES) - _HARMLESS
    for entry in sorted(root.iterdir() if root.is_dir() else ()):
        name = entry.name.partition(".")[0]
        if name in needed and (entry.suffix in (".py", ".so") or (entry / "__init__.py").is_file()):
            yield entry, name, "Python's standard library" if name in standard else "the runtime"
