"""The flags that `run --cluster` and `serve --cluster` share, and what both do for them."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from typing import Any

from ovenbird.common.setting_values import duration

from ..actions.cluster_run import build_pushed_image, check_access
from ..actions.manifest_flags import make_flags
from ..cluster.kubectl import Kubectl
from ..cluster.run_view import RunView
from ..errors import BuildRequestError
from ..host.flag_values import parse_flag

_SHARED: dict[str, dict[str, Any]] = {
    "cluster": {"action": "store_true", "help": "on Kubernetes, by kubectl"},
    "context": {"metavar": "NAME", "help": "of kubectl; default: the current one"},
    "build": {"metavar": "REPOSITORY", "help": "build the image and push it there before"},
}


def add_cluster_flags(
    parser: argparse.ArgumentParser, own: Mapping[str, dict[str, Any]], of_run: Mapping[str, dict[str, Any]]
) -> None:  # fmt: skip
    """Add the target and the flags of a verb: those that both have, its own, and those of the run itself."""
    parser.allow_abbrev = False
    parser.add_argument("target", nargs="?", default=".", metavar="TARGET",
                        help="function.yaml, its folder, FILE.py or FILE.py:handler")  # fmt: skip
    for title, flags in (("the cluster", {**_SHARED, **own}), ("the run", of_run)):
        group = parser.add_argument_group(title) if flags else None
        for name, keywords in flags.items():
            assert group
            is_text = not {"action", "type"} & set(keywords)
            group.add_argument(f"--{name}", **({"default": "", **keywords} if is_text else keywords))


def set_absent(parser: argparse.ArgumentParser, names: Collection[str], own: Collection[str]) -> None:
    """Let flags of `manifests` that a verb has not, but for its own, be as if they were not given."""
    defaults = vars(make_flags())
    keys = [name.replace("-", "_") for name in names if name not in own]
    parser.set_defaults(**{key: defaults[key] for key in keys})


def parse_start_limit(args: argparse.Namespace) -> float:
    """Return the seconds of `--start-timeout`; 0 is no limit. Errors: BuildRequestError."""
    return float(parse_flag(duration, args.start_timeout, "--start-timeout")) if args.start_timeout else 0.0


def build_wanted_image(
    args: argparse.Namespace, environ: Mapping[str, str], kubectl: Kubectl, view: RunView, *, creates: str
) -> str:  # fmt: skip
    """Build and push the image of `--build`, and return its reference. `creates` is what the cluster has to allow.

    Errors: those of a build, BuildRequestError, ClusterError.
    """
    if args.image:
        raise BuildRequestError("`--image` and `--build` both name the image", hint="leave one out")
    check_access(kubectl, "create", creates)
    return build_pushed_image(args.target, args.build, environ, view)
