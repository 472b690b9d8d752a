"""What the Python of a base image is, as labels: from the image's own labels where it has them, else by asking it."""

from __future__ import annotations

from collections.abc import Callable

from .. import labels
from ..oci import Image
from .probe import Interpreter


def facts(base: Image, ask: Callable[[str], Interpreter]) -> dict[str, str]:
    """The labels of the base's interpreter and runtime; `ask` is given a name that buildah understands."""
    told = base.labels
    if all(told.get(name) for name in labels.INTERPRETER):
        return {name: told[name] for name in (*labels.INTERPRETER, labels.RUNTIME) if told.get(name)}
    return of(ask(base.name.removeprefix("containers-storage:")))


def of(interpreter: Interpreter) -> dict[str, str]:
    """An interpreter as labels."""
    found = {
        labels.PYTHON: interpreter.version,
        labels.SOABI: interpreter.soabi,
        labels.LIBC: interpreter.libc,
        labels.PURELIB: interpreter.purelib,
        labels.PLATLIB: interpreter.platlib,
        labels.RUNTIME: interpreter.runtime,
    }
    return {name: value for name, value in found.items() if value}
