"""Ask an image's own Python: which files of a source it cannot compile, whether it has a module."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..containers.working_container import ImageName, open_container
from ..host.network import MOUNT

_LIMIT = 120.0  # seconds
_SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
found = {}
for name in json.loads(sys.argv[2]):
    try:
        with open(sys.argv[1] + "/" + name, "rb") as file:
            compile(file.read(), name, "exec", dont_inherit=True)
    except SyntaxError as error:
        found[name] = (error.lineno or 1, type(error).__name__ + ": " + error.msg)
    except ValueError as error:
        found[name] = (1, str(error))
    except (RecursionError, MemoryError):
        pass
print(json.dumps(found))
"""

_FIND = """
import importlib.util, sys
sys.path[0] = "/shared"
print(importlib.util.find_spec(sys.argv[1]) is not None)
"""


def ask_python(image: ImageName, python: str, root: Path, names: Sequence[str]) -> Mapping[str, tuple[int, str]]:
    """Return the faults of files below `root`, line and text by path; `python` is the interpreter in the image.

    Errors: those of `open_container` and `process.run`.
    """
    inside = f"{MOUNT}/source"
    argv = (python, "-I", "-S", "-B", "-c", _SCRIPT, inside, json.dumps(list(names)))
    with open_container(image) as container:
        result = container.run(argv, mounts=(f"{root}:{inside}:ro",), network=False, timeout=_LIMIT)
    return {name: (int(line), str(text)) for name, (line, text) in json.loads(result.stdout).items()}


def has_module(image: ImageName, python: str, name: str) -> bool:
    """Return whether an image has a module at the top, where the runtime looks for one; nothing is imported.

    Errors: those of `open_container` and `process.run`.
    """
    with open_container(image) as container:
        result = container.run((python, "-B", "-c", _FIND, name), network=False, timeout=_LIMIT)
    return result.stdout.strip() == "True"
