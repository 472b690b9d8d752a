"""Pages of listings, with all fields of Core's framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SORTED = {"empty": False, "sorted": True, "unsorted": False}
_UNSORTED = {"empty": True, "sorted": False, "unsorted": True}


def make_page(rows: Sequence[Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Return the requested page; a size of 0 is 25."""
    number, size = max(0, int(query.get("page", 0))), int(query.get("size", 0)) or 25
    content = list(rows[number * size : (number + 1) * size])
    return _make_page(content, number, size, len(rows), {"sort": _SORTED}, _SORTED)


def make_files_page(rows: Sequence[Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Return all files, whatever the requested page: as Core does."""
    number, size = max(0, int(query.get("page", 0))), int(query.get("size", 0)) or 100
    total = len(rows)
    if rows and number * size + size > total:
        total = number * size + len(rows)
    return _make_page(list(rows), number, size, total, {"sort": _UNSORTED, "token": None}, _UNSORTED)


def _make_page(
    content: list[Any], number: int, size: int, total: int, more: Mapping[str, Any], order: Mapping[str, bool]
) -> dict[str, Any]:
    pages = (total + size - 1) // size
    pageable = {
        "pageNumber": number, "pageSize": size, "offset": number * size, "paged": True, "unpaged": False, **more,
    }  # fmt: skip
    return {
        "content": content, "pageable": pageable, "totalElements": total, "totalPages": pages,
        "last": number + 1 >= pages, "size": size, "number": number, "numberOfElements": len(content), "sort": order,
        "first": number == 0, "empty": not content,
    }  # fmt: skip
