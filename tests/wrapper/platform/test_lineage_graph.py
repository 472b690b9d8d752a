from __future__ import annotations

from typing import Any

import pytest

from ovenbird.platform import keys
from ovenbird.platform.entities.entity import new_record
from ovenbird.platform.lineage_graph import LineageEdge, find_users, trace_graph
from ovenbird.platform.local.store import LocalStore


def add(store: LocalStore, entity_type: str, name: str, *links: tuple[str, str]) -> dict[str, Any]:
    """Store an entity with relations, and return its record."""
    record = new_record("p", entity_type, "table" if entity_type == "dataitem" else keys.RUN_KIND, name)
    record["metadata"]["relationships"] = [{"type": relation, "dest": dest} for relation, dest in links]
    store.create(record)
    return record


def trace(store: LocalStore, record: dict[str, Any], limit: int = 200) -> Any:
    return trace_graph(store, keys.parse_key(record["key"]), limit)


def test_origins_and_users_are_one_graph(store: LocalStore) -> None:
    """What was removed and what no store holds are nodes too; a relation that is no key is none."""
    raw = add(store, "dataitem", "raw")
    image, removed = "store://p/containerimage/image/app:1", "store://p/dataitem/table/gone:1"
    make = add(store, "run", "r", ("consumes", raw["key"]), ("consumes", removed), ("run_of", image), ("x", "no key"))
    table = add(store, "dataitem", "table", ("produced_by", make["key"]))
    user = add(store, "run", "r", ("consumes", table["key"]))
    graph = trace(store, table)
    assert next(iter(graph.nodes)) == table["key"]
    assert set(graph.nodes) == {table["key"], user["key"], make["key"], raw["key"], removed, image, "no key"}
    assert graph.nodes[removed]["missing"]
    assert graph.nodes[image]["elsewhere"]
    assert LineageEdge(user["key"], "consumes", table["key"]) in graph.edges
    assert [run["key"] for run in find_users(store, table)] == [user["key"]]
    assert graph.omitted == 0


def test_a_cycle_and_a_run_that_made_what_it_used_are_walked_once(store: LocalStore) -> None:
    table = add(store, "dataitem", "table")
    run = add(store, "run", "r", ("consumes", table["key"]))
    table["metadata"]["relationships"] = [{"type": "produced_by", "dest": run["key"]}]
    store.update(table)
    graph = trace(store, table)
    assert sorted(graph.edges) == sorted({
        LineageEdge(run["key"], "consumes", table["key"]), LineageEdge(table["key"], "produced_by", run["key"])
    })  # fmt: skip


@pytest.mark.parametrize("value", ["text", 7, [1, "a", None], {"a": [1]}, True], ids=str)
@pytest.mark.parametrize("field", ["files", "fingerprint", "parameters", "provenance", "relationships"])
def test_a_record_of_another_program_is_a_node(store: LocalStore, field: str, value: Any) -> None:
    """A field of another type counts as absent."""
    run = add(store, "run", "r")
    run["metadata" if field == "relationships" else "status"][field] = value
    store.update(run)
    table = add(store, "dataitem", "t", ("produced_by", run["key"]))
    table["metadata" if field == "relationships" else "status"].setdefault(field, value)
    store.update(table)
    assert set(trace(store, table).nodes) == {table["key"], run["key"]}


def test_the_nearest_nodes_are_read_up_to_the_limit(store: LocalStore) -> None:
    """A chain of any length is walked without recursion; the rest is counted."""
    record = add(store, "dataitem", "first")
    for _ in range(60):
        record = add(store, "dataitem", "next", ("consumes", record["key"]))
    graph = trace(store, record, 50)
    assert (len(graph.nodes), graph.omitted) == (50, 1)
