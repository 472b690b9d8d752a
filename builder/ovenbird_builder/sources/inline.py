"""Source text in the document itself: `base64`, or `code`, which the document has decoded."""

from __future__ import annotations

from ovenbird.common.hashing import digest_file

from .fetcher import FetchedSource, FetchRequest


def fetch(order: FetchRequest) -> FetchedSource:
    """Write the text to the file that the handler's module is; `spec.source.source` names it for a bare handler."""
    function = order.function
    module = function.handler.rpartition(":")[0] or function.default_module
    path = order.work.joinpath(*module.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((function.code or "").encode())
    return FetchedSource(order.work, "inline", digest_file(path), file=str(path.relative_to(order.work)))
