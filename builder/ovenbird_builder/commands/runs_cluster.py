"""`ovenbird runs list|follow|logs|stop --cluster`: the Jobs of functions in a namespace."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from ovenbird.common.text_table import fit_columns, format_table
from ovenbird.errors import SettingsError

from ..cluster import pod_status
from ..cluster.detach import SignalWatch
from ..cluster.jobs import delete_job, find_job, list_jobs, summarize_job
from ..cluster.kubectl import Kubectl, make_error
from ..cluster.run_view import RunView
from ..errors import ObjectMissingError
from ..kubernetes.pod import CONTAINER
from .cluster_following import FollowCall, follow_job

_COLUMNS = ("name", "function", "state", "created", "seconds", "runs", "completed", "failed")
_NUMBERS = (4, 5, 6, 7)
_WIDTH = 200


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the verbs with their flags."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, text in (
        ("list", "list the runs, the newest first"), ("follow", "show a run until it has ended"),
        ("logs", "print the log of a run so far"), ("stop", "delete runs: each has a minute to end"),
    ):  # fmt: skip
        verb_parser = verbs.add_parser(verb, help=text, description=f"{text[0].upper()}{text[1:]}.")
        verb_parser.add_argument("--cluster", action="store_true", help="of Kubernetes, by kubectl")
        verb_parser.add_argument("--context", default="", metavar="NAME", help="of kubectl; default: the current one")
        verb_parser.add_argument("--namespace", default="", metavar="NAME", help="default: that of the context")
        if verb != "list":
            many = "+" if verb == "stop" else None
            verb_parser.add_argument("name", nargs=many, metavar="NAME", help="of the Job, or `latest`")
        if verb in ("list", "follow"):
            verb_parser.add_argument("--json", action="store_true", help="print JSON")
        if verb == "logs":
            verb_parser.add_argument("--index", type=int, default=None, metavar="N", help="of a run of `--each`")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run one of the verbs; its exit status. Errors: ClusterError and its subclasses."""
    kubectl = Kubectl(environ, context=args.context, namespace=args.namespace)
    verbs = {"list": _list_runs, "follow": _follow_run, "logs": _print_log, "stop": _stop_runs}
    return verbs[args.verb](args, kubectl)


def _list_runs(args: argparse.Namespace, kubectl: Kubectl) -> int:
    rows = [summarize_job(job) for job in list_jobs(kubectl)]
    if args.json or not sys.stdout.isatty():
        print(json.dumps(rows, indent=2))
        return 0
    if not rows:
        print("no runs of functions in this namespace", file=sys.stderr)
        return 0
    cells = [[column.upper() for column in _COLUMNS], *([_format_cell(row[name]) for name in _COLUMNS] for row in rows)]
    print(format_table(fit_columns(cells, _WIDTH), _NUMBERS))
    return 0


def _format_cell(value: Any) -> str:
    return "" if value is None else f"{value:.0f}" if isinstance(value, float) else str(value)


def _follow_run(args: argparse.Namespace, kubectl: Kubectl) -> int:
    signals = SignalWatch()
    job = find_job(kubectl, args.name)
    view = RunView(sys.stderr.buffer if args.json else None)
    with signals.watch():
        return follow_job(FollowCall(kubectl, view, signals, is_json=args.json), job)


def _print_log(args: argparse.Namespace, kubectl: Kubectl) -> int:
    job = find_job(kubectl, args.name)
    if job.is_indexed and args.index is None:
        raise SettingsError(f"job {job.name} has {job.count} runs, each with a log", hint="`--index N` names one")
    pods = kubectl.list_items("pods", "-l", f"job-name={job.name}")
    pods = [pod for pod in pods if args.index is None or pod_status.get_index(pod) == args.index]
    if not pods:
        raise ObjectMissingError(f"job {job.name} has no such pod: it waits for one, or it was deleted")
    newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))
    stream = kubectl.open_stream("logs", newest["metadata"]["name"], f"--container={CONTAINER}")
    try:
        for line in stream.read_lines():
            sys.stdout.buffer.write(line)
        status, output = stream.wait()
    finally:
        stream.close()
    sys.stdout.flush()
    if status:
        raise make_error(output, "kubectl logs")
    return 0


def _stop_runs(args: argparse.Namespace, kubectl: Kubectl) -> int:
    jobs = [find_job(kubectl, name) for name in dict.fromkeys(args.name)]
    for job in jobs:
        delete_job(kubectl, job.name)
        print(f"stopped {job.name}", file=sys.stderr)
    return 0
