"""What a manifest is asked for, complete and without contradictions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ovenbird.common.text import show_value
from ovenbird.function_document import FunctionSpec

from ..errors import BuildRequestError
from ..oci.reference import ImageReference
from . import cron, k8s_names
from .task import Task

_RETRIES = 3  # where nothing says how many


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRequest:
    """What the manifests are made from. `check` has found nothing wrong with it.

    `each` holds the lines of the parameters of an indexed job, one JSON object each; `ttl` is in seconds; `document`
    the text of the function document, for the action `build`.
    """

    function: FunctionSpec
    action: str
    task: Task
    image: ImageReference
    name: str
    namespace: str = ""
    service_account: str = ""
    pull_secret: str = ""
    secret: str = ""
    writable_root: bool = False
    # serve
    knative: bool = False
    autoscale: tuple[int, int] | None = None
    target_cpu: int | None = None
    max_unavailable: str = ""
    expose: str = ""
    gateway: str = ""
    ingress_class: str = ""
    tls_secret: str = ""
    metrics: str = ""
    # job
    schedule: str = ""
    time_zone: str = ""
    each: tuple[str, ...] = ()
    parallelism: int | None = None
    retries: int | None = None
    ttl: int | None = None
    generate_name: bool = False
    # build
    tag: str = ""
    document: str = ""
    registry_secret: str = ""

    @property
    def own_secret(self) -> str:
        """Return the Secret of the variables that name no Secret."""
        return self.secret or f"{k8s_names.make_label(self.function.name)}-secrets"

    @property
    def further_attempts(self) -> int:
        """Return how often a run that failed is tried again."""
        return _RETRIES if self.retries is None else self.retries


def check(request: ManifestRequest, more: Sequence[str] = ()) -> ManifestRequest:
    """Return the same request, if nothing in it contradicts and `more` holds no problem.

    Errors: BuildRequestError, with every problem.
    """
    problems = [*_check_places(request), *_check_names(request), *_check_values(request), *more]
    if problems:
        raise BuildRequestError(
            "\n  ".join(("the manifests cannot be made:", *problems)) if len(problems) > 1 else problems[0]
        )
    return request


def _check_places(request: ManifestRequest) -> list[str]:
    """Return the problems of flags that another action has."""
    job, serve, task = request.action == "job", request.action == "serve", request.task
    flags = {
        "--knative": (request.knative, serve),
        "--autoscale": (request.autoscale, serve),
        "--max-unavailable": (request.max_unavailable, serve),
        "--expose": (request.expose, serve),
        "--metrics": (request.metrics, serve),
        "--schedule": (request.schedule, job),
        "--each": (request.each, job),
        "--retries": (request.retries is not None, not serve),
        "--ttl": (request.ttl is not None, not serve),
        "--generate-name": (request.generate_name, not serve),
        "--writable-root": (request.writable_root, serve or job),
        "--tag": (request.tag, request.action == "build"),
        "--registry-secret": (request.registry_secret, request.action == "build"),
    }
    problems = [
        f"`{flag}` does not go with `--action {request.action}`" for flag, (v, fits) in flags.items() if v and not fits
    ]
    needs = (
        ("--time-zone", request.time_zone, "--schedule CRON", request.schedule),
        ("--parallelism", request.parallelism, "--each FILE or --grid NAME=VALUE,VALUE", request.each),
        ("--target-cpu", request.target_cpu, "--autoscale MIN:MAX", request.autoscale),
    )
    problems += [f"{flag} needs {other}" for flag, value, other, is_given in needs if value and not is_given]
    if request.target_cpu and request.knative:
        problems.append("`--target-cpu` does not go with `--knative`, which scales by the calls that are in flight")
    if request.generate_name and request.schedule:
        problems.append("`--generate-name` does not go with `--schedule`: each run gets a name of its own")
    if request.autoscale and task.replicas is not None:
        problems.append("`--autoscale` decides how many replicas there are: leave out `replicas`")
    if request.autoscale and not request.knative and "cpu" not in task.resources:
        problems.append("`--autoscale` measures the use of CPU against what is asked for: give `resources.cpu`")
    if request.knative:
        for flag, value in (("--max-unavailable", request.max_unavailable), ("service_type", task.service_type)):
            if value:
                problems.append(
                    f"`{flag}` does not go with `--knative`, which makes the services and replaces the pods"
                )
        problems += [
            f"volume {show_value(v.name)}: Knative has no ephemeral ones" for v in task.volumes if v.kind == "ephemeral"
        ]
    if request.action == "build" and not request.tag:
        problems.append("`--action build` needs `--tag`: the name of the image that is built and pushed")
    return problems


def _check_names(request: ManifestRequest) -> list[str]:
    problems = []
    if request.name and not k8s_names.is_label(request.name):
        problems.append(
            f"--name: expected lower-case letters, digits and dashes, a letter first, at most {k8s_names.LONGEST},"
            f" found {show_value(request.name)}"
        )
    if request.namespace and not k8s_names.is_namespace(request.namespace):
        problems.append(
            f"--namespace: expected lower-case letters, digits and dashes, at most 63, found"
            f" {show_value(request.namespace)}"
        )
    others = {
        "--service-account": request.service_account,
        "--pull-secret": request.pull_secret,
        "--secret-name": request.secret,
        "--registry-secret": request.registry_secret,
    }
    return problems + [
        f"{flag}: expected lower-case letters, digits, dashes and dots, found {show_value(text)}"
        for flag, text in others.items()
        if text and not k8s_names.is_subdomain(text)
    ]


def _check_values(request: ManifestRequest) -> list[str]:
    problems = []
    if request.schedule and (wrong := cron.find_problem(request.schedule)):
        problems.append(f"--schedule: {wrong}, found {show_value(request.schedule)}")
    if request.time_zone and (wrong := cron.find_time_zone_problem(request.time_zone)):
        problems.append(f"--time-zone: {wrong}, found {show_value(request.time_zone)}")
    if request.max_unavailable and not re.fullmatch(r"[1-9][0-9]{0,3}|(100|[1-9][0-9]?)%", request.max_unavailable):
        problems.append(
            f"--max-unavailable: expected a number such as `1` or `25%`, found {show_value(request.max_unavailable)}"
        )
    if request.autoscale:
        low, high = request.autoscale
        if high < max(low, 1) or (low < 1 and not request.knative):
            problems.append(f"--autoscale: expected `MIN:MAX` with 1 <= MIN <= MAX, found {low}:{high}")
    return problems
