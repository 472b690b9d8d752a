"""The current context of kubectl, read from its configuration: to ask kubectl takes a process for each look."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

_CONTEXT = re.compile(
    r"""^(?:\{.*?)?["']?current-context["']?:[ \t]*(?:"([^"\n]+)"|'([^'\n]+)'|([^"'\s#,}]+))""", re.MULTILINE
)


def read_context(environ: Mapping[str, str]) -> str:
    """Return the name of the current context, as kubectl finds it: that of the first file which has one; else ""."""
    home = environ.get("HOME") or "/"
    paths = environ.get("KUBECONFIG") or str(Path(home, ".kube", "config"))
    for path in filter(None, paths.split(os.pathsep)):
        try:
            match = _CONTEXT.search(Path(path).read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
        if match:
            return match[1] or match[2] or match[3]
    return ""
