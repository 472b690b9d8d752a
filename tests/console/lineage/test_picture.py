from __future__ import annotations

from typing import Any

from ovenbird.platform.lineage_graph import LineageEdge, LineageGraph
from ovenbird_console.lineage.picture import draw_lineage


def node(key: str, **fields: Any) -> dict[str, Any]:
    name, _, identity = key.rpartition("/")[2].partition(":")
    kind = key.split("/")[3]
    return {"key": key, "type": kind, "kind": "table", "name": name, "id": identity, "state": "COMPLETED", **fields}


def test_a_run_has_the_name_of_its_function_and_each_node_its_page() -> None:
    """A very long name is cut, with the whole of it as a title; what was removed has no page."""
    long, run = f"store://p/dataitem/table/{'x' * 150}:1", "store://p/run/python+job:run/r1:r1"
    function, gone = "store://p/function/python/train:2", "store://p/dataitem/table/gone:3"
    nodes = {long: node(long), run: node(run), function: node(function), gone: {"key": gone, "missing": True}}
    edges = [
        LineageEdge(long, "produced_by", run),
        LineageEdge(run, "run_of", function),
        LineageEdge(run, "consumes", gone),
    ]
    picture = draw_lineage(LineageGraph(nodes, edges, 4), long)
    boxes = {box.label: box for box in picture.boxes}
    assert set(boxes) == {"train", "gone:3", "xxxxxxxxxxxxxx...xxxxxxx"}
    assert (boxes["train"].href, boxes["train"].detail) == ("/runs/p/r1", "run r1 · completed")
    assert (boxes["gone:3"].href, boxes["gone:3"].look) == ("", "gone")
    assert ("x" * 150 in boxes["xxxxxxxxxxxxxx...xxxxxxx"].title, picture.omitted) == (True, 4)
    assert boxes["gone:3"].x < boxes["train"].x < boxes["xxxxxxxxxxxxxx...xxxxxxx"].x
    assert "train (run r1 · completed) uses gone:3 (removed)" in [line.sentence for line in picture.lines]


def test_one_node_is_a_picture() -> None:
    key = "store://p/model/table/m:1"
    (box,) = draw_lineage(LineageGraph({key: node(key)}, [], 0), key).boxes
    assert (box.is_root, box.href) == (True, "/models/p/m/1")
