"""The gate of the source: what looks like a secret in it ends a build before anything is locked or pushed.

A tree is searched once; what was found is kept in the cache under the tree's digest, so a build of the same source
asks nothing but that.
"""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ovenbird.common.hashing import hash_bytes
from ovenbird.common.text import escape_controls
from ovenbird.function_document import FunctionSpec

from ..cache.layer import compute_key
from ..cache.layer_cache import LayerCache
from ..errors import ImagePolicyError
from . import SourceTree
from .allowed_files import is_allowed
from .secret_search import RULES, Lines, SecretFinding, search_text, search_tree

_SHOWN = 20
_log = logging.getLogger("ovenbird.source")
_NOT_BAKED = ("code", "base64")  # of `spec.source`: they are the tree


def find_secrets(
    tree: SourceTree, function: FunctionSpec, document: Path | None, cache: LayerCache
) -> tuple[SecretFinding, ...]:
    """Return the likely secrets of a source, and of the function document that goes into the image with it."""
    name, text = _read_document(function, document)
    key = compute_key("secrets of a source", rules=RULES, tree=tree.digest, document=hash_bytes(text))
    rows = cache.recall(key)
    if rows is None:
        findings = search_text(name, text) + search_tree(tree.path, lambda *file: _remember(cache, *file))
        # beside inline code the rest of the document is searched as JSON of ours, in which no line is the user's
        inline = function.code is not None
        rows = [[row.path, 0 if inline and row.path == name else row.line, row.description] for row in findings]
        cache.note(key, rows, f"secrets in the source of {function.name}")
    return tuple(SecretFinding(*row) for row in rows)


def check_source(findings: Sequence[SecretFinding], allow: Sequence[str]) -> None:
    """Refuse a source with findings that `allow` does not let pass. Errors: ImagePolicyError, which shows no value."""
    refused = [finding for finding in findings if not is_allowed(finding.path, allow)]
    if not refused:
        return
    for text in list_unused(findings, allow):  # a slip of what should have passed, as often as not
        _log.warning(text)
    lines = [escape_controls(str(finding)) for finding in refused[:_SHOWN]]
    lines += [f"and {len(refused) - _SHOWN} more"] * (len(refused) > _SHOWN)
    raise ImagePolicyError(
        "the source holds what looks like secrets, which would leave with the image:\n  " + "\n  ".join(lines),
        hint="keep the file out by a line in `.ovenbirdignore`, and give secrets to the function as variables of its "
        f"environment; where it is no secret, `--allow {_quote(refused[0].path)}` lets it pass",
    )


def list_allowed(findings: Sequence[SecretFinding], allow: Sequence[str]) -> list[dict[str, Any]]:
    """Return the findings that `allow` lets pass, as a result records them."""
    return [
        {"path": finding.path, "line": finding.line, "what": finding.description}
        for finding in findings
        if is_allowed(finding.path, allow)
    ]


def list_unused(findings: Sequence[SecretFinding], allow: Sequence[str]) -> list[str]:
    """Return a warning for each of `allow` that lets nothing pass: it would hide what comes later."""
    return [
        f"`--allow {_quote(pattern)}` lets nothing pass: no file there looks like a secret"
        for pattern in allow
        if not any(is_allowed(finding.path, (pattern,)) for finding in findings)
    ]


def _remember(cache: LayerCache, digest: str, search: Callable[[], Lines]) -> Lines:
    """Return the findings in a large file from the cache, by its content; call `search` if they are not there."""
    key = compute_key("secrets of a file", rules=RULES, file=digest)
    rows = cache.recall(key)
    if rows is None:
        rows = search()
        cache.note(key, rows, "secrets in a large file")
    return [(line, description) for line, description in rows]


def _read_document(function: FunctionSpec, document: Path | None) -> tuple[str, bytes]:
    """Return the name of the function document and what of it goes into the image."""
    if document is None:
        return "function.yaml", b""
    if function.code is None:
        return document.name, document.read_bytes()
    spec = dict(function.raw.get("spec") or {})
    spec["source"] = {name: value for name, value in (spec.get("source") or {}).items() if name not in _NOT_BAKED}
    return document.name, json.dumps(spec, indent=1, default=str, ensure_ascii=False).encode()


def _quote(text: str) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(text)
