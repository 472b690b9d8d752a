from __future__ import annotations

import json

import pytest

from ovenbird.errors import InputError
from ovenbird.platform import lineage
from ovenbird.platform.entities import run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


@pytest.fixture
def model(store: LocalStore) -> str:
    """A model trained on a table that another run made from a file."""
    plain = Project(store, "p", {})
    raw = plain.new_dataitem("raw", path="/data/raw.csv")
    keys = []
    for name, method in (("prepare", "log_dataitem"), ("train", "log_model")):
        source = {"source": "main.py", "revision": f"rev-{name}", "base64": "x" * 100}
        function = plain.register_function(name, {"source": source, "lock": {"digest": "sha256:1"}})
        run_entity = run.start_run(store, "p", {}, function=function.key, spec={"parameters": {"n": 3}})
        project = Project(store, "p", {}, run=run_entity)
        project.get_dataitem(keys[-1] if keys else raw.key)
        keys.append(
            getattr(project, method)(name, kind="model" if method == "log_model" else "dataitem", data=b"x").key
        )
        run_entity.finish("COMPLETED")
    return keys[-1]


def test_an_output_is_traced_to_its_runs_inputs_and_revisions(store: LocalStore, model: str) -> None:
    node = lineage.trace_lineage(store, model.rpartition(":")[0])
    assert (node["key"], node["relation"]) == (model, "")
    (train,) = node["sources"]
    assert (train["type"], train["relation"], train["detail"]["parameters"]) == ("run", "produced_by", {"n": 3})
    function, table = train["sources"]
    assert function["detail"] == {
        "source": {"source": "main.py", "revision": "rev-train"},
        "lock": {"digest": "sha256:1"},
    }
    (prepare,) = table["sources"]
    assert [source["name"] for source in prepare["sources"]] == ["prepare", "raw"]
    assert prepare["sources"][1]["detail"] == {"path": "/data/raw.csv"}


def test_removed_entities_are_marked(store: LocalStore, model: str) -> None:
    Project(store, "p", {}).get_dataitem("raw").delete()
    node = lineage.trace_lineage(store, model)
    assert node["sources"][0]["sources"][1]["sources"][0]["sources"][1]["missing"] is True
    for form in ("text", "dot", "mermaid", "json"):
        assert "raw" in lineage.render_lineage(node, form)


def test_a_loop_ends(store: LocalStore) -> None:
    item = Project(store, "p", {}).new_dataitem("a", path="x")
    item.relate("consumes", item.key)
    item.save(update=True)
    assert lineage.trace_lineage(store, item.key)["sources"][0]["again"] is True
    assert "(see above)" in lineage.render_lineage(lineage.trace_lineage(store, item.key))


def test_the_text_is_a_tree(store: LocalStore, model: str) -> None:
    lines = lineage.render_lineage(lineage.trace_lineage(store, model)).splitlines()
    assert lines[0].startswith(model)
    branches = [line for line in lines if "─ " in line]
    assert branches[0].startswith("└─ produced_by store://p/run/")
    assert sum("run_of" in line for line in branches) == 2
    assert any("rev-train" in line for line in lines)


def test_graphs_have_every_node_and_edge(store: LocalStore, model: str) -> None:
    node = lineage.trace_lineage(store, model)
    dot, mermaid = lineage.render_lineage(node, "dot"), lineage.render_lineage(node, "mermaid")
    assert dot.count("->") == mermaid.count("-->|") == 6
    assert dot.count("shape=") == mermaid.count('["') == 7
    assert json.loads(lineage.render_lineage(node, "json")) == node


def test_an_unknown_form_or_key_is_refused(store: LocalStore, model: str) -> None:
    with pytest.raises(InputError, match="'svg'"):
        lineage.render_lineage(lineage.trace_lineage(store, model), "svg")
    with pytest.raises(InputError, match="no model named"):
        lineage.trace_lineage(store, "store://p/model/model/none")
