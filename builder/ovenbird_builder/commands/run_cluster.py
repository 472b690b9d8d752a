"""`ovenbird run --cluster`: run a function on Kubernetes, and follow it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from ..actions.cluster_run import submit_job
from ..actions.manifest_flags import add_flags
from ..cluster.detach import SignalWatch
from ..cluster.jobs import format_return
from ..cluster.kubectl import Kubectl
from ..cluster.run_view import RunView
from .cluster_flags import add_cluster_flags, build_wanted_image, parse_start_limit, set_absent
from .cluster_following import FollowCall, follow_job

_NOT_HERE = (
    "build-result", "action", "output", "json", "replicas", "service-type", "service-name", "instruction",
    "knative", "autoscale", "target-cpu", "max-unavailable", "expose", "ingress-class", "tls-secret", "gateway",
    "metrics", "schedule", "time-zone", "generate-name", "tag", "registry-secret", "retries",
)  # fmt: skip
_FLAGS: dict[str, dict[str, Any]] = {
    "retries": {"metavar": "N", "type": int, "help": "further attempts; default: 0"},
    "detach": {"action": "store_true", "help": "print the name of the Job, and do not follow it"},
    "start-timeout": {"metavar": "DURATION", "help": "give up, and delete the Job, when it does not run by then"},
    "json": {"action": "store_true", "help": "print the end as JSON on stdout, and the log on stderr"},
}
_OF_RUN: dict[str, dict[str, Any]] = {
    "timeout": {"metavar": "DURATION", "help": "of the run, as of `ovenbird run`: exit status 75"},
    "grace": {"metavar": "DURATION", "help": "for the function to end after that"},
    "init-timeout": {"metavar": "DURATION", "help": "of init"},
    "reuse": {
        "action": "store_true",
        "help": "take the outputs of an earlier run that was the same, of a shared store",
    },
    "note": {"metavar": "TEXT", "help": "kept in the record"},
    "project": {"metavar": "NAME", "help": "project of the record"},
    "max-input": {"metavar": "SIZE", "help": "of an input"},
    "log-level": {"metavar": "LEVEL", "help": "debug, info, warning or error"},
    "log-format": {"metavar": "FORMAT", "default": "text", "help": "text or json"},
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    add_cluster_flags(parser, _FLAGS, _OF_RUN)
    add_flags(parser, _NOT_HERE)
    set_absent(parser, _NOT_HERE, _FLAGS)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the function; its exit status. Errors: those of a build, BuildRequestError, ClusterError."""
    view = RunView(sys.stderr.buffer if args.json else None)
    kubectl = Kubectl(environ, context=args.context, namespace=args.namespace)
    limit = parse_start_limit(args)
    if args.build:
        args.image = build_wanted_image(args, environ, kubectl, view, creates="jobs")
    signals = SignalWatch()
    with signals.watch():
        with signals.hold():
            job = submit_job(args, environ, kubectl, view)
        if not args.detach:
            call = FollowCall(kubectl, view, signals, start_limit=limit, is_json=args.json, is_own=True)
            return follow_job(call, job)
    view.say("detach", format_return(kubectl, job.name))
    print(json.dumps({"job": job.name, "namespace": job.namespace}) if args.json else job.name)
    return 0
