"""Runs side by side: what differs is marked, and each metric is one plot of all of them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ovenbird.errors import ArgumentsError
from ovenbird.platform.entities.run_comparison import ComparedField, compare_records
from ovenbird.platform.keys import EntityKey, check_id, check_name
from ovenbird.platform.queries import list_rows
from ovenbird.platform.store import Record

from ..charts import is_curve, make_chart
from ..console import get_console
from ..rendering import render
from .runs import function_name

_MOST = 5
_MAX_OFFERS = 50
_SECTIONS = {
    "param": "Parameters", "input": "Inputs", "consumed": "Data that was read", "result": "Results",
    "metric": "Metrics, the last value", "code": "Code", "tag": "Tags",
    "package": "Packages that differ", "machine": "Machine",
}  # fmt: skip
_OWN_ROW = ("id", "name", "state")  # these head the columns


def show_comparison(request: Request) -> Response:
    """Show two to five runs, each as `?run=PROJECT/ID`; without any, a list to choose from."""
    texts = list(dict.fromkeys(request.query_params.getlist("run")))
    if len(texts) < 2:
        return _offer_runs(request, texts)
    if len(texts) > _MOST:
        raise ArgumentsError(f"{len(texts)} runs are too many to compare", hint=f"choose two to {_MOST}")
    run_keys = [_parse_run(text) for text in texts]
    with get_console(request).stores.borrow() as store:
        records = [store.read(key) for key in run_keys]
        fields = compare_records(store, records)
    return render(
        request, "compare.html", runs=[_describe_run(record) for record in records],
        sections=_group_fields(fields), charts=_make_charts(records), chosen=texts,
    )  # fmt: skip


def _offer_runs(request: Request, chosen: list[str]) -> Response:
    with get_console(request).stores.borrow() as store:
        rows = list_rows(store, "run", limit=_MAX_OFFERS)
    return render(
        request, "compare_choice.html", runs=[(row, function_name(row.function)) for row in rows], chosen=chosen
    )


def _parse_run(text: str) -> EntityKey:
    """Return the key of `PROJECT/ID`. Errors: InputError."""
    project, _, identity = text.partition("/")
    return EntityKey(check_name(project, "project"), "run", "", identity, check_id(identity))


def _describe_run(record: Record) -> dict[str, Any]:
    name = record["metadata"].get("name")
    own = name if name and name not in ("run", record["id"]) else ""
    return {"key": record["key"], "id": record["id"], "name": own, "state": record["status"].get("state") or ""}


def _group_fields(fields: list[ComparedField]) -> dict[str, list[tuple[str, ComparedField]]]:
    """Return the fields below the title of their section, with their names in it."""
    sections: dict[str, list[tuple[str, ComparedField]]] = {}
    for field in fields:
        start, _, rest = field.name.partition(".")
        if field.name not in _OWN_ROW:
            title = _SECTIONS.get(start, "Run") if rest else "Run"
            sections.setdefault(title, []).append((rest or field.name, field))
    return sections


def _make_charts(records: list[Record]) -> dict[str, Any]:
    """Return a chart for each metric that is a curve in one of the runs."""
    metrics = {
        f"{number} · {record['id'][:8]}": record["status"].get("metrics") or {}
        for number, record in enumerate(records, 1)
    }
    names = dict.fromkeys(name for values in metrics.values() for name, value in values.items() if is_curve(value))
    # a run without the metric has an empty curve, so that each run has one colour in all charts
    return {name: make_chart({run: values.get(name, []) for run, values in metrics.items()}) for name in names}


ROUTES = [Route("/compare", show_comparison)]
