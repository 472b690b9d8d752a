"""Native mode and the rendered module: starts, jobs, their tails, concurrent calls, and calls of Core."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from environments import say
from ground import EMPTY, OUTPUTS, SERVICE, TELLS, WAITS, Ground, prepare_ground
from pods import LOCAL, NATIVE, PROCESSOR, RENDERED, RUN, Pods, Tail
from targets import Target

MODES = (NATIVE, RENDERED)
LOCKS = Path(__file__).resolve().parents[2] / "images" / "locks"
AT_ONCE = 8
TIMES = 5.0  # that native is to be faster than rendered
TAIL = 100.0  # ms that a job may stay after its last word with Core
SCALES = 6.0  # times the calls of one at a time
CALLS = 12.0  # of Core, by a job with three outputs
NOTHING = "podman run true"
ENDINGS = {  # triggers of a job: the command of its container, the mode
    "processor, native": (PROCESSOR, NATIVE),
    "`ovenbird run`, for the platform": ((*RUN,), NATIVE),
    "`ovenbird run`, of its own": ((*RUN, "/shared/main.py:fn"), LOCAL),
    "processor, rendered": (PROCESSOR, RENDERED),
}


@dataclass(frozen=True)
class Scale:
    """How much is measured: rounds of starts and of installations, seconds of calls."""

    rounds: int = 5
    installations: int = 1
    duration: float = 5.0


@dataclass
class Results:
    """Seconds by what they are of; tails of jobs; calls per second by how many at once; calls of Core by mode."""

    seconds: dict[str, float] = field(default_factory=dict)
    rounds: dict[str, list[float]] = field(default_factory=dict)  # the seconds of each round, where there are several
    tails: dict[str, Tail] = field(default_factory=dict)
    calls: dict[int, float] = field(default_factory=dict)
    core_calls: dict[str, dict[str, int]] = field(default_factory=dict)


def measure(folder: Path, scale: Scale) -> Results:
    """Measure all of it. Errors: FailedError."""
    results = Results()
    with prepare_ground(folder) as at:
        _measure_times(at, scale.rounds, results)
        _measure_tails(at.pods, scale.rounds, results)
        say("calling ...")
        _measure_calls(at.pods, scale.duration, results)
        for mode in MODES:
            results.core_calls[mode] = _count_core_calls(at.pods, mode)
        for _ in range(scale.installations):
            _measure_installation(at, results)
    return results


def _measure_times(at: Ground, rounds: int, results: Results) -> None:
    """Measure in turn and keep the medians; the first round does not count."""
    pods = at.pods
    podman = ("podman", "run", "--rm", "--network", "host", "--entrypoint")
    ways: dict[str, Callable[[], float]] = {
        NOTHING: lambda: pods.time_command(*podman, "true", pods.image),
        "import of the SDK": lambda: pods.time_command(
            *podman, "python3", pods.image, "-c", "import digitalhub_runtime_python"
        ),
    }  # fmt: skip
    for mode in MODES:
        ways[f"{mode}: start to READY"] = lambda mode=mode: _measure_start(pods, mode)
        ways[f"{mode}: an empty job"] = lambda mode=mode: pods.time_job(pods.make_pod(EMPTY, "job", mode))
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        say(f"starting containers (round {number} of {rounds}) ...")
        for name, way in ways.items():
            seconds = way()
            if number:
                times[name].append(seconds)
    results.rounds = times
    results.seconds = {name: median(all_) for name, all_ in times.items()}


def _measure_start(pods: Pods, mode: str) -> float:
    with pods.serve(pods.make_pod(SERVICE, "serve", mode)) as seconds:
        return seconds


def _measure_tails(pods: Pods, rounds: int, results: Results) -> None:
    """Measure in turn and keep the medians."""
    times: dict[str, list[Tail]] = {name: [] for name in ENDINGS}
    for number in range(1, rounds + 1):
        say(f"ending jobs (round {number} of {rounds}) ...")
        for name, (command, mode) in ENDINGS.items():
            times[name].append(pods.measure_tail(pods.make_pod(TELLS, "job", mode, command)))
    results.tails = {
        name: Tail(median(tail.returned for tail in all_), median(tail.answered for tail in all_))
        for name, all_ in times.items()
    }


def _measure_calls(pods: Pods, duration: float, results: Results) -> None:
    """Measure calls per second, one at a time and eight at once."""
    pod = pods.make_pod(WAITS, "serve", NATIVE)
    with pods.serve(pod):
        for count in (1, AT_ONCE):
            with ThreadPoolExecutor(count) as pool:
                results.calls[count] = sum(pool.map(_count_calls, [pod.port] * count, [duration] * count)) / duration


def _count_calls(port: int, duration: float) -> int:
    connection, count, end = http.client.HTTPConnection("127.0.0.1", port), 0, time.perf_counter() + duration
    while time.perf_counter() < end:
        connection.request("POST", "/")
        answer = connection.getresponse()
        count += answer.status == 200
        answer.read()
    connection.close()
    return count


def _count_core_calls(pods: Pods, mode: str) -> dict[str, int]:
    """Return the calls that a job with three outputs makes, by kind."""
    pod = pods.make_pod(OUTPUTS, "job", mode)
    pods.core.calls.clear()
    pods.time_job(pod)
    return dict(pods.core.counts())


def _measure_installation(at: Ground, results: Results) -> None:
    """Measure a start that installs the SDK first."""
    say("installing the SDK as at a start ...")
    bundle = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    trust = ("--volume", f"{bundle}:/run/ca.pem:ro", "--env", "PIP_CERT=/run/ca.pem") if bundle else ()
    command = (
        "podman", "run", "--rm", "--network", "host", "--volume", f"{LOCKS}:/locks:ro", *trust,
        "--entrypoint", "python3", at.base, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-deps",
        "--target", "/tmp/sdk", "--requirement", f"/locks/{at.python}-sdk.txt",
    )  # fmt: skip
    results.seconds["installation of the SDK, as at a start"] = at.pods.time_command(*command)


def format_rows(results: Results) -> list[tuple[str, str]]:
    """Return the rows of the report."""
    lines = [(name, f"{seconds:.2f} s") for name, seconds in results.seconds.items()]
    for name, tail in results.tails.items():
        lines.append((f"{name}: from the handler's return to the end", f"{tail.returned * 1000:.0f} ms"))
        if not name.endswith("of its own"):
            lines.append((f"{name}: from Core's last answer to the end", f"{tail.answered * 1000:.0f} ms"))
    lines += [(f"calls at once: {count}, of 20 ms each", f"{rate:.0f} per s") for count, rate in results.calls.items()]
    requests = {mode: sum(counts.values()) for mode, counts in results.core_calls.items()}
    return lines + [(f"{mode}: calls of Core by a job with three outputs", str(n)) for mode, n in requests.items()]


def make_targets(results: Results) -> list[Target]:
    """Return the targets."""
    targets = []
    for step in ("start to READY", "an empty job"):
        native, rendered = (results.rounds[f"{mode}: {step}"] for mode in MODES)
        rounds = list(zip(rendered, native, results.rounds[NOTHING], strict=True))
        ratios = [slow / fast for slow, fast, _ in rounds]
        targets.append(Target.of_rounds(f"{step}: rendered to native, as measured", ratios, TIMES))
        net = [(slow - engine_own) / max(fast - engine_own, 0.001) for slow, fast, engine_own in rounds]
        targets.append(Target.of_rounds(f"{step}: rendered to native, without `{NOTHING}`", net, TIMES))
    for name in list(ENDINGS)[:-1]:
        tail = results.tails[name]
        seconds = tail.returned if ENDINGS[name][1] == LOCAL else tail.answered
        targets.append(Target(f"tail of a job: {name}", seconds * 1000, TAIL, "ms", at_most=True))
    targets.append(
        Target(f"calls per second, {AT_ONCE} at once to one", results.calls[AT_ONCE] / results.calls[1], SCALES)
    )
    requests = float(sum(results.core_calls[NATIVE].values()))
    return [*targets, Target("calls of Core by a job with three outputs", requests, CALLS, "", at_most=True)]
