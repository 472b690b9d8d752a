"""A watch of pods whose program cannot be started, for a time."""

from __future__ import annotations

import json

from ovenbird_builder.cluster.pod_feed import PodChange, PodFeed

from .conftest import StandIn, make_pod


def test_a_watch_that_cannot_be_started(standin: StandIn) -> None:
    """Whoever takes the changes is told that some may be missed, again and again, until it is started."""
    pod = make_pod()
    standin.put("changes", (json.dumps({"type": "ADDED", "object": pod}, indent=4) + "\n").encode())
    standin.spoil()
    feed = PodFeed(standin.kubectl, "job-name=greet")
    try:
        assert [feed.changes.get(timeout=60) for _ in range(3)] == [PodChange(None)] * 3
        standin.repair()
        changes = iter(lambda: feed.changes.get(timeout=60), PodChange(pod))
        assert set(map(id, (change.pod for change in changes))) <= {id(None)}
    finally:
        feed.close()
