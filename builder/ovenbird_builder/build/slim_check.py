"""The check of a slim image: its packages are imported in it, and none may miss what was left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ovenbird.common.text import show_value

from ..cache.layer_cache import LayerCache
from ..layers import InstallScheme, WheelPackage, make_scheme
from ..layers.slim import list_left_out
from ..layers.wheel_layers import list_module_names
from .image_contents import ResolvedInputs

_SCRIPT = (Path(__file__).parent / "_import_packages.py").read_text()
_MARK = "ovenbird-missing "
_SECONDS = 120  # after which no further package is imported
KEEP = "`--slim-keep NAME` keeps all files of a package"


class SlimCheck:
    """The imports of one slim image, all by one process."""

    def __init__(self, wheels: Sequence[WheelPackage], scheme: InstallScheme, cache: LayerCache) -> None:
        """`wheels` are those that lose files."""
        self._wheels, self._scheme, self._cache = wheels, scheme, cache

    @property
    def command(self) -> tuple[str, ...]:
        """Return the argv in the image; its status is 0 whatever it finds."""
        names = [name for wheel in self._wheels for name in list_module_names(wheel, self._cache)]
        return (self._scheme.executable, "-I", "-c", _SCRIPT, _MARK, str(_SECONDS), *dict.fromkeys(names))

    def find_problem(self, output: str) -> str:
        """Return in words what a package misses by the command's output, empty where nothing was left out wrongly."""
        rows = [_parse(line) for line in output.splitlines() if line.startswith(_MARK)]
        for wheel in self._wheels if any(rows) else ():
            paths = list_left_out(wheel, self._scheme, self._cache)
            for module, modules, files in filter(None, rows):
                missing = [name for name in modules if self._is_left_out(name, paths)]
                missing += [name for name in files if name in paths]
                if missing:
                    return (
                        f"{show_value(module)} cannot be imported without {show_value(missing[0])}, "
                        f"which `--slim` has left out of {wheel.name} {wheel.version}"
                    )
        return ""

    def _is_left_out(self, module: str, paths: set[str]) -> bool:
        """Return whether a module, or a package, is among the paths."""
        stems = [f"{root}/{module.replace('.', '/')}" for root in (self._scheme.purelib, self._scheme.platlib)]
        return any(f"{stem}.py" in paths or f"{stem}/__init__.py" in paths for stem in stems)


def make_slim_check(inputs: ResolvedInputs, losers: Sequence[str], cache: LayerCache) -> SlimCheck | None:
    """Return the check of an image whose packages `losers`, by name, lose files; None where none does."""
    wheels = [wheel for wheel in inputs.wheels if wheel.name in losers]
    return SlimCheck(wheels, make_scheme(inputs.interpreter), cache) if wheels else None


def _parse(line: str) -> tuple[str, list[str], list[str]] | None:
    """Return a line of the script; None for one that a module has written."""
    try:
        module, modules, files = json.loads(line.removeprefix(_MARK))
    except (ValueError, TypeError):
        return None
    return str(module), _list_texts(modules), _list_texts(files)


def _list_texts(value: Any) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []
