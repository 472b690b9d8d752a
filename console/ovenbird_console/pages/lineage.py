"""The page of a lineage: where an entity comes from and which runs used it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ovenbird.platform.keys import parse_key
from ovenbird.platform.lineage_graph import trace_graph

from ..console import get_console
from ..lineage.picture import BOX_HEIGHT, BOX_WIDTH, describe_node, draw_lineage
from ..rendering import render


def show_lineage(request: Request) -> Response:
    """Show the graph around the entity of `?key=`. Errors: InputError."""
    key = parse_key(request.query_params.get("key", ""))
    with get_console(request).stores.borrow() as store:
        graph = trace_graph(store, key)
    root = next(iter(graph.nodes))
    return render(
        request, "lineage.html", picture=draw_lineage(graph, root), root=root,
        name=describe_node(graph.nodes[root])[0], box=(BOX_WIDTH, BOX_HEIGHT),
    )  # fmt: skip


ROUTES = [Route("/lineage", show_lineage)]
