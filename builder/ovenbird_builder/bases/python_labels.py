"""What the Python of a base image is, as labels: from the image's own labels where it has them, else by asking it."""

from __future__ import annotations

from collections.abc import Callable

from ..image_reader import ImageReader
from ..oci import label_names
from .probe import TargetPython


def read_python_labels(base: ImageReader, ask: Callable[[str], TargetPython]) -> dict[str, str]:
    """Return the labels of the base's interpreter and runtime; `ask` gets a name that buildah understands."""
    base_labels = base.labels
    if all(base_labels.get(name) for name in label_names.INTERPRETER):
        return {
            name: base_labels[name] for name in (*label_names.INTERPRETER, label_names.RUNTIME) if base_labels.get(name)
        }
    return format_python_labels(ask(base.name.removeprefix("containers-storage:")))


def format_python_labels(interpreter: TargetPython) -> dict[str, str]:
    """Return an interpreter as labels."""
    values = {
        label_names.PYTHON: interpreter.version,
        label_names.SOABI: interpreter.soabi,
        label_names.LIBC: interpreter.libc,
        label_names.PURELIB: interpreter.purelib,
        label_names.PLATLIB: interpreter.platlib,
        label_names.RUNTIME: interpreter.runtime,
    }
    return {name: value for name, value in values.items() if value}
