"""Counters and gauges, read by Prometheus' own parser."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.service import Service, wait_until

from ovenbird.serve.observability.metrics import BUCKETS, SharedMetrics

Serve = Callable[..., Service]
HANDLER = """
import os, time
def init():
    time.sleep(0.2)
def handler(do: str = ""):
    if do == "fail":
        raise ValueError
    if do == "spin":
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
    while do == "wait" and not os.path.exists("go"):
        time.sleep(0.01)
"""


def scrape(service: Service) -> dict[tuple[str, str], float]:
    """Samples by name and the value of their label."""
    answer = service.get("/_/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.text))
    assert len({family.name for family in families}) == len(families)
    assert all(family.documentation and family.type != "unknown" for family in families)
    return {
        (sample.name, "".join(sample.labels.values())): sample.value for family in families for sample in family.samples
    }


def test_calls_are_counted_by_status_and_duration(serve: Serve) -> None:
    """Each call is in one status and one bucket; buckets are cumulative, the last is the count; probes do not count."""
    service = serve(HANDLER)
    for do in ("", "", "fail"):
        service.call({"do": do})
    service.call({"other": 1})
    metrics = scrape(service)
    counts = {status: metrics["ovenbird_calls_total", status] for status in ("204", "500", "422")}
    assert counts == {"204": 2, "500": 1, "422": 1}
    buckets = [metrics["ovenbird_call_duration_seconds_bucket", str(bound)] for bound in (*BUCKETS, "+Inf")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == metrics["ovenbird_call_duration_seconds_count", ""] == 4
    assert 0 < metrics["ovenbird_call_duration_seconds_sum", ""] < 30


@pytest.mark.slow
def test_load_is_measured(serve: Serve, tmp_path: Path) -> None:
    """Running, waiting and rejected calls are measured while they last, and not afterwards."""
    service = serve(HANDLER, "--concurrency", "2", "--queue", "1")
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(service.call, {"do": "wait"}) for _ in range(3)]
        wait_until(
            lambda: [scrape(service)[f"ovenbird_{name}", ""] for name in ("in_flight", "queued")] == [2, 1],
            lambda: str(scrape(service)),
        )
        assert service.call({"do": "wait"}).status_code == 503
        assert scrape(service)["ovenbird_rejected_total", ""] == 1
        (tmp_path / "go").touch()
        assert [call.result().status_code for call in calls] == [204] * 3
    metrics = scrape(service)
    assert [metrics[f"ovenbird_{name}", ""] for name in ("in_flight", "queued")] == [0, 0]
    assert metrics["ovenbird_calls_total", "503"] == 1


@pytest.mark.slow
def test_the_cold_start_and_the_process_are_measured(serve: Serve) -> None:
    """Phases of the start, memory and CPU time are of a size that such a process has."""
    began = time.monotonic()
    service = serve(HANDLER)
    took = time.monotonic() - began
    before = scrape(service)
    phases = {name: before["ovenbird_cold_start_seconds", name] for name in ("start", "load", "init", "listen")}
    assert 0.2 <= phases["init"] <= took
    assert all(0 < seconds <= took + 0.1 for seconds in phases.values())
    assert 10e6 < before["ovenbird_worker_resident_memory_bytes", "0"] < 200e6
    service.call({"do": "spin"})
    used = scrape(service)["ovenbird_worker_cpu_seconds_total", "0"] - before["ovenbird_worker_cpu_seconds_total", "0"]
    assert 0.25 <= used < 10


def test_a_new_worker_inherits_the_counters_of_a_block() -> None:
    """The end of a worker clears what only a living one has; its successor counts on from there."""
    blocks = SharedMetrics(2)
    block = blocks.blocks[0]
    block.begin()
    block.call(200, 0.003)
    block.load(3, 2)
    block.end()
    text = blocks.format_text()
    assert 'ovenbird_calls_total{status="200"} 1\n' in text
    assert "ovenbird_in_flight 0\n" in text
    assert "resident_memory_bytes{" not in text
    block.begin()
    block.call(200, 0.003)
    assert 'ovenbird_calls_total{status="200"} 2\n' in blocks.format_text()
    assert "ovenbird_worker_starts_total 2\n" in blocks.format_text()
