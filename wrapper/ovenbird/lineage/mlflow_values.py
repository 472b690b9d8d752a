"""Parameters, metrics and tags in the form that MLflow takes, cut to its limits."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..common.redact import mask_parameters, redact_text
from ..common.text import cut_text
from ..platform.entities.json_values import encode_json

_LONGEST_NAME, _LONGEST_PARAMETER, _LONGEST_TAG = 250, 500, 5000  # characters that every server takes
_MOST_PAIRS, _MOST_METRICS = 100, 1000  # of one request
_MOST_NUMBERS = 5000  # of a run: of a longer series every so manieth number is sent
Pair = dict[str, str]


def clean_name(name: str) -> str:
    """Return a name that MLflow takes: letters, digits, blanks, `_`, `-`, `.`, `/`, `:`, and no path that leads up."""
    cleaned = re.sub(r"[^/\w.\- :]", "_", name)[:_LONGEST_NAME]
    if cleaned != posixpath.normpath(cleaned) or cleaned.startswith(("/", "..")) or cleaned in (".", ""):
        cleaned = cleaned.replace("/", "_").replace("..", "_").strip(".") or "_"
    return cleaned


def make_parameters(parameters: Mapping[str, Any]) -> list[Pair]:
    """Return parameters, with the values of secrets hidden. Plain values are as Python writes them, as MLflow's are."""
    masked = mask_parameters(parameters)
    return [{"key": clean_name(name), "value": _format(value, _LONGEST_PARAMETER)} for name, value in masked.items()]


def make_tags(tags: Mapping[str, str]) -> list[Pair]:
    """Return tags, without those that are empty."""
    return [
        {"key": clean_name(name), "value": cut_text(redact_text(value, keep_harmless=True), _LONGEST_TAG)}
        for name, value in tags.items()
        if value
    ]


def make_metrics(metrics: Mapping[str, Any], moment: int) -> list[dict[str, Any]]:
    """Return numbers and series of numbers, with their steps. `moment` is in milliseconds since 1970."""
    numbers = {name: value if isinstance(value, list) else [value] for name, value in metrics.items()}
    share = max(2, _MOST_NUMBERS // max(1, len(numbers)))
    return [
        {"key": clean_name(name), "value": _number(series[step]), "timestamp": moment, "step": step}
        for name, series in numbers.items()
        for step in choose_steps(len(series), share)
    ]


def choose_steps(length: int, most: int) -> Sequence[int]:
    """Return the steps of a series that are sent: all, or `most` of them, the first and the last among these."""
    if length <= most:
        return range(length)
    return [round(index * (length - 1) / (most - 1)) for index in range(most)]


def make_batches(metrics: Sequence[Any], parameters: Sequence[Any], tags: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Yield the bodies of as many requests as MLflow's limits ask for; they lack the id of the run."""
    half = _MOST_PAIRS // 2
    while metrics or parameters or tags:
        room = _MOST_METRICS - _MOST_PAIRS
        yield {"metrics": list(metrics[:room]), "params": list(parameters[:half]), "tags": list(tags[:half])}
        metrics, parameters, tags = metrics[room:], parameters[half:], tags[half:]


def is_number(value: Any) -> bool:
    """Return whether a result is a number that a metric can be."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _format(value: Any, longest: int) -> str:
    text = encode_json(value).decode() if isinstance(value, (dict, list)) else str(value)
    return cut_text(text, longest)


def _number(value: Any) -> Any:
    """Return a number as protocol buffers write it in JSON."""
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        number = math.inf if value > 0 else -math.inf
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
