"""What a run or an entity shows of itself, as it is recorded now."""

from __future__ import annotations

from collections import deque
from typing import Any

from ...display.card import Card
from ...display.entity_card import make_entity_card
from ...display.run_card import make_run_card
from ...errors import OvenbirdError
from ..keys import parse_key
from .content_preview import read_content

_LINES = 100  # of a log that are shown, the last ones


def make_card(entity: Any) -> Card:
    """Return the card of an entity. One that is not saved, or was removed meanwhile, shows what it holds itself."""
    try:
        record = entity._store.read(parse_key(entity.key))
    except OvenbirdError:
        record = entity.to_dict()
    metrics = record["status"].get("metrics") or {}
    if record["type"] == "run":
        return make_run_card(record, metrics, _read_log(entity))
    return make_entity_card(record, metrics, read_content(entity))


def _read_log(entity: Any) -> str:
    """Return the last lines of a log that lies in a local store; one on a server is not asked for."""
    store = entity._store
    if store.log_file(entity.project, entity.id) is None:
        return ""
    try:
        lines = deque(store.log_lines(entity.project, entity.id), maxlen=_LINES)
    except OvenbirdError:
        return ""
    return "\n".join(line.rstrip("\n") for line in lines)
