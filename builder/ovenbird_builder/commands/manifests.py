"""`ovenbird manifests`: what Kubernetes or Knative needs to run a function."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ovenbird.common.output_path import is_source_file
from ovenbird.common.text import show_value
from ovenbird.function_document import FunctionSpec
from ovenbird.settings import duration, named_json, named_text, named_variable

from ..errors import BaseMissingError, BuildRequestError
from ..host.flag_values import parse_flag
from ..host.network import read_network_settings
from ..image_store.skopeo_client import SkopeoClient
from ..kubernetes import build_result, exposure, generate, job, k8s_names, overrides, render, request, task
from ..kubernetes.record_store import choose_files_variable, parse_store_secret
from ..oci.reference import ImageReference, parse_reference
from ..registry.auth_file import write_auth_file
from ..request.function_target import resolve_target
from ..request.run_instruction import parse_instruction_flag

_FLAGS: dict[str, dict[str, dict[str, Any]]] = {
    "what is made": {
        "image": {"metavar": "REF", "help": "the function's image; default: spec.image of the document"},
        "resolve": {"action": "store_true", "help": "ask the registry for the digest of a tag"},
        "authfile": {"metavar": "FILE", "help": "credentials for --resolve; default: those of buildah"},
        "ca-bundle": {"metavar": "FILE", "help": "certificates for --resolve [OVENBIRD_CA_BUNDLE, SSL_CERT_FILE]"},
        "build-result": {"metavar": "FILE", "help": "the --result-file of `ovenbird build`: functions and images"},
        "action": {"choices": task.ACTIONS, "help": "default: that of --task, what the other flags say, or serve"},
        "task": {"metavar": "FILE", "help": "a task of the platform, or its fields, as YAML or JSON"},
        "name": {"metavar": "NAME", "help": "name of the objects; default: made from the function's"},
        "namespace": {"metavar": "NAME", "help": "default: that of whoever applies them"},
        "set": {"metavar": "KIND.PATH=VALUE", "action": "append", "help": "change what a document says; repeatable"},
        "output": {"metavar": "FILE|DIR/", "help": "write there, and not to stdout; into a folder one file for each"},
        "json": {"action": "store_true", "help": "print JSON (a List), not YAML"},
    },
    "fields of the task; these win over --task, and that over the document's own": {
        "param": {"metavar": "NAME=JSON", "action": "append", "help": "a parameter; repeat for more"},
        "input": {"metavar": "NAME=KEY", "action": "append", "help": "an input of a job; repeat for more"},
        "init": {"metavar": "NAME=JSON", "action": "append", "help": "a parameter of init; repeat for more"},
        "env": {"metavar": "NAME=VALUE", "action": "append", "help": "a variable, a setting of the runtime too"},
        "secret": {"metavar": "NAME[=SECRET[/KEY]]", "action": "append", "help": "a variable that a Secret holds"},
        "volume": {"metavar": "TYPE:NAME:PATH[:SIZE]", "action": "append", "help": "pvc, empty_dir or ephemeral"},
        "cpu": {"metavar": "N", "help": "such as 500m"},
        "mem": {"metavar": "SIZE", "help": "such as 512Mi"},
        "gpu": {"metavar": "N", "help": "GPUs (nvidia.com/gpu)"},
        "disk": {"metavar": "SIZE", "help": "ephemeral storage, such as 10Gi"},
        "replicas": {"metavar": "N", "type": int, "help": "of a service"},
        "service-type": {"metavar": "TYPE", "help": "ClusterIP, NodePort or LoadBalancer"},
        "service-name": {"metavar": "NAME", "help": "of the Service; default: --name"},
        "instruction": {"metavar": "TEXT", "action": "append", "help": "of a build; repeat for more"},
    },
    "the pod": {
        "secret-name": {"metavar": "NAME", "help": "the Secret of variables that name none; default: FUNCTION-secrets"},
        "pull-secret": {"metavar": "NAME", "help": "the Secret that the image is pulled with"},
        "service-account": {"metavar": "NAME", "help": "of the pod"},
        "store-secret": {"metavar": "NAME[:KEY]", "help": "the Secret with the URL of a database for what is recorded; "
                         "default of KEY: OVENBIRD_STORE"},
        "files-store": {"metavar": "URL", "help": "where files of outputs go, such as s3://bucket/folder"},
        "writable-root": {"action": "store_true", "help": "let the function write below /shared"},
    },
    "a service": {
        "knative": {"action": "store_true", "help": "a Service of Knative, and not Deployment and Service"},
        "autoscale": {"metavar": "MIN:MAX", "help": "a HorizontalPodAutoscaler, or Knative's own bounds"},
        "target-cpu": {"metavar": "PERCENT", "type": int, "help": "of the autoscaler; default: 80"},
        "max-unavailable": {"metavar": "N|N%", "help": "a PodDisruptionBudget"},
        "expose": {"metavar": "HOST[/PATH]", "help": "an Ingress, or with --gateway an HTTPRoute"},
        "ingress-class": {"metavar": "NAME", "help": "of the Ingress; default: the cluster's"},
        "tls-secret": {"metavar": "NAME", "help": "the Secret with the certificate of the Ingress"},
        "gateway": {"metavar": "[NAMESPACE/]NAME", "help": "the Gateway that the HTTPRoute belongs to"},
        "metrics": {"choices": exposure.METRICS, "default": "", "help": "let Prometheus scrape: by annotations of the "
                    "pods, or by a ServiceMonitor"},
    },
    "a job": {
        "schedule": {"metavar": "CRON", "help": "a CronJob, such as '0 3 * * *' or @daily"},
        "time-zone": {"metavar": "NAME", "help": "of the schedule, such as Europe/Rome"},
        "each": {"metavar": "FILE", "help": "an indexed Job: a run for each line, a JSON object of parameters"},
        "parallelism": {"metavar": "N", "type": int, "help": "runs at once of --each; default: 10"},
        "retries": {"metavar": "N", "type": int, "help": "further attempts; default: 3"},
        "ttl": {"metavar": "DURATION", "help": "remove the finished Job after this long; default: never"},
        "generate-name": {"action": "store_true", "help": "let the cluster complete the Job's name (kubectl create)"},
    },
    "a build in the cluster": {
        "tag": {"metavar": "REF", "help": "the image that is built and pushed; --image is then the builder's"},
        "registry-secret": {"metavar": "NAME", "help": "the Secret (kubernetes.io/dockerconfigjson) to push with"},
    },
}  # fmt: skip
_PATIENCE = 60.0  # seconds for a registry
_VOLUMES = {"pvc": "persistent_volume_claim"}
_SIZES = {"empty_dir": "size_limit"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("target", nargs="?", default="", metavar="TARGET",
                        help="function.yaml, its folder, FILE.py or FILE.py:handler")  # fmt: skip
    for title, flags in _FLAGS.items():
        group = parser.add_argument_group(title)
        for name, settings_of_flag in flags.items():
            more = {**settings_of_flag, "help": settings_of_flag["help"].replace("%", "%%")}
            if "action" not in more and "choices" not in more:
                more.setdefault("default", None if "type" in more else "")
            group.add_argument(f"--{name}", **more)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print or write the manifests; the exit status."""
    documents: list[dict[str, Any]] = []
    notes: list[str] = []
    for call_args in _split_calls(args, notes):
        documents += _make_documents(call_args, environ, notes)
    keys = [(document["kind"], document["metadata"].get("name")) for document in documents]
    if twice := next((key for number, key in enumerate(keys) if key[1] and key in keys[:number]), None):
        raise BuildRequestError(
            f"two functions would both make the {twice[0]} {show_value(twice[1])}", hint="name one as TARGET"
        )
    for note in dict.fromkeys(notes):
        sys.stderr.write(f"note: {note}\n")
    if args.output not in ("", "-"):
        inputs = [Path(name) for name in (args.target, args.build_result, args.task, args.each, args.authfile) if name]
        if is_source_file(Path(args.output), inputs):
            problem = f"{show_value(args.output)} is a file that the function is made of, and is not replaced"
            raise BuildRequestError(f"--output: {problem}")
        removed: list[Path] = []
        for written in render.write(documents, args.output, removed, as_json=args.json):
            sys.stderr.write(f"wrote {written}\n")
        for path in removed:
            sys.stderr.write(f"removed {path}, which is no longer meant\n")
    else:
        sys.stdout.write(render.to_json(documents) if args.json else render.to_yaml(documents))
    return 0


def _split_calls(args: argparse.Namespace, notes: list[str]) -> list[argparse.Namespace]:
    """Return the call, or with `--build-result` one for each function that was built, with its target and image."""
    if not args.build_result:
        return [argparse.Namespace(**{**vars(args), "target": args.target or "."})]
    if args.image:
        raise BuildRequestError("`--image` and `--build-result` both name the image", hint="leave one out")
    built = build_result.read(Path(args.build_result), args.target, notes)
    if len(built) > 1 and args.name:
        raise BuildRequestError(
            f"`--name` cannot name all of them: {show_value(args.build_result)} holds {len(built)} functions"
        )
    return [argparse.Namespace(**{**vars(args), "target": entry.target, "image": entry.image}) for entry in built]


def _make_documents(args: argparse.Namespace, environ: Mapping[str, str], notes: list[str]) -> list[dict[str, Any]]:
    """Return the documents of one function."""
    target = resolve_target(args.target)
    for text in target.function.unknown:
        sys.stderr.write(f"warning: function document: {text}\n")
    manifest_request = _make_request(args, target.function, target.document, environ, notes)
    documents = generate.make(manifest_request)
    overrides.apply(documents, args.set or ())
    notes += generate.list_notes(manifest_request, documents)
    return documents


def _make_request(
    args: argparse.Namespace, function: FunctionSpec, path: Path | None, environ: Mapping[str, str], notes: list[str]
) -> request.ManifestRequest:  # fmt: skip
    action, fields = task.read_task(Path(args.task)) if args.task else ("", {})
    action = _choose_action(args, action, notes)
    if action == "build" and not path:
        raise BuildRequestError(
            f"--action build: {show_value(args.target)} is a file of this machine, which the cluster cannot read",
            hint="a function document whose source is `git+https://...`, `zip+https://...` or `s3://...`",
        )
    fields = {**task.read_document_fields(function.raw, action), **fields}
    name = k8s_names.make_label(function.name)
    if name != function.name and not args.name:
        notes.append(
            f"the objects are called {show_value(name)}: {show_value(function.name)} is no name of Kubernetes; `--name`"
            " chooses another"
        )
    name = args.name or (f"{name[:42]}-build" if action == "build" else name)  # beside the Job that runs the function
    reference = parse_reference(_choose_image(args, function, action), "--image" if args.image else "spec.image")
    if args.resolve:
        reference = _resolve_image(args, reference, environ)
    if args.tag:
        parse_reference(args.tag, "--tag")
    manifest_request = request.ManifestRequest(
            function=function, action=action, task=task.check(_merge_fields(args, fields, action), action),
            image=reference, name=name, namespace=args.namespace, service_account=args.service_account,
            pull_secret=args.pull_secret,
            secret=args.secret_name, writable_root=args.writable_root, knative=args.knative,
            autoscale=_parse_bounds(args.autoscale), target_cpu=_check_number("--target-cpu", args.target_cpu, 1, 100),
            max_unavailable=args.max_unavailable, schedule=args.schedule, time_zone=args.time_zone,
            each=job.read_lines(Path(args.each)) if args.each else (),
            parallelism=_check_number("--parallelism", args.parallelism, 1, 10_000),
            retries=_check_number("--retries", args.retries, 0, 1000), ttl=_parse_seconds(args.ttl),
            generate_name=args.generate_name, tag=args.tag, registry_secret=args.registry_secret,
            document=path.read_text(encoding="utf-8") if action == "build" and path else "",
            expose=args.expose, gateway=args.gateway, ingress_class=args.ingress_class, tls_secret=args.tls_secret,
            metrics=args.metrics,
    )  # fmt: skip
    return request.check(
        manifest_request,
        [*_check_resolve_flags(args), *_check_store_flags(args, action), *exposure.list_problems(manifest_request)],
    )


def _check_resolve_flags(args: argparse.Namespace) -> list[str]:
    """Return the problem of flags that only say how the registry is asked."""
    flags = {"--authfile": args.authfile, "--ca-bundle": args.ca_bundle}
    return [f"`{flag}` needs `--resolve`" for flag, value in flags.items() if value and not args.resolve]


def _check_store_flags(args: argparse.Namespace, action: str) -> list[str]:
    """Return the problems of flags that say where a function records, for a build."""
    flags = {"--store-secret": args.store_secret, "--files-store": args.files_store}
    return [
        f"`{flag}` does not go with `--action build`" for flag, value in flags.items() if value and action == "build"
    ]


def _resolve_image(args: argparse.Namespace, image: ImageReference, environ: Mapping[str, str]) -> ImageReference:
    """Return the image with the digest that the registry has for its tag.

    Errors: BaseMissingError, those of `engine_errors`.
    """
    if image.digest:
        return image
    with write_auth_file(args.authfile, "", (), environ) as auth_file:
        client = SkopeoClient(
            Path(), environ, read_network_settings(args.ca_bundle, environ), auth_file, timeout=_PATIENCE
        )
        digest = client.digest(image)
    if not digest:
        raise BaseMissingError(f"--resolve: the registry has no image {show_value(str(image))}")
    return replace(image, digest=digest)


def _choose_action(args: argparse.Namespace, of_task: str, notes: list[str]) -> str:
    """Return the action: the flag, which must not contradict the task; else the task's; else what only one has.

    Else serve.
    """
    if args.action and of_task and args.action != of_task:
        raise BuildRequestError(
            f"`--action {args.action}` contradicts `--task` {show_value(args.task)}, a task of {of_task}"
        )
    hints = {
        "build": (args.tag,),
        "serve": (args.knative, args.expose, args.metrics, args.autoscale, args.max_unavailable),
        "job": (args.schedule, args.each, args.input, args.ttl, args.retries is not None),
    }
    hinted = next((action for action, flags in hints.items() if any(flags)), "")
    chosen_action: str = args.action or of_task or hinted
    if not chosen_action:
        notes.append("a service is made, as nothing says otherwise: `--action job` makes a Job")
    return chosen_action or "serve"


def _choose_image(args: argparse.Namespace, function: FunctionSpec, action: str) -> str:
    if args.image:
        return str(args.image)
    if action == "build":
        raise BuildRequestError("`--image` is missing", hint="for `--action build` it is the builder's own image")
    if not function.image:
        raise BuildRequestError(
            "`--image` is missing, and the document has no `spec.image`",
            hint="`ovenbird build --push --write-back` sets it",
        )
    return function.image


def _merge_fields(args: argparse.Namespace, fields: Mapping[str, Any], action: str) -> dict[str, Any]:
    """Return the fields with those that the flags give: names win one by one, where a field has names."""
    merged = dict(fields)
    for field, flag, form in (
        ("parameters", "param", named_json), ("inputs", "input", named_text), ("init_parameters", "init", named_json),
    ):  # fmt: skip
        values = _parse_each(f"--{flag}", getattr(args, flag), form)
        if values:
            merged[field] = {**(merged.get(field) or {}), **{k: v for value in values for k, v in value.items()}}
    single = {"service_type": args.service_type, "service_name": args.service_name, "replicas": args.replicas}
    merged |= {field: value for field, value in single.items() if value not in ("", None)}
    amounts = {key: getattr(args, key) for key in ("cpu", "mem", "gpu", "disk") if getattr(args, key)}
    if amounts:
        merged["resources"] = {**(merged.get("resources") or {}), **amounts}
    variables = choose_files_variable(args.files_store, action) if args.files_store else {}
    for value in _parse_each("--env", args.env, named_variable):
        variables |= value
    envs = [{"name": name, "value": value} for name, value in variables.items()]
    names = {item["name"] for item in envs}
    others = [item for item in merged.get("envs") or () if not (isinstance(item, dict) and item.get("name") in names)]
    if envs:
        merged["envs"] = [*others, *envs]
    for text in args.instruction or ():
        parse_instruction_flag(text)  # what the build in the cluster would refuse
    secrets = [*(args.secret or ()), *([parse_store_secret(args.store_secret)] if args.store_secret else ())]
    for field, more in (("secrets", secrets), ("instructions", args.instruction)):
        if more:
            merged[field] = [*(merged.get(field) or ()), *more]
    if args.volume:
        merged["volumes"] = [*(merged.get("volumes") or ()), *map(_parse_volume, args.volume)]
    return merged


def _parse_each(flag: str, texts: list[str] | None, parse: Any) -> list[dict[str, Any]]:
    try:
        return [parse(text) for text in texts or ()]
    except ValueError as error:
        raise BuildRequestError(f"{flag}: expected {error}") from None


def _parse_volume(text: str) -> dict[str, Any]:
    kind, *rest = text.split(":")
    if len(rest) not in (2, 3):
        raise BuildRequestError(
            f"--volume: expected `TYPE:NAME:PATH` or `TYPE:NAME:PATH:SIZE`, found {show_value(text)}"
        )
    kind = _VOLUMES.get(kind, kind)
    spec = {_SIZES.get(kind, "size"): rest[2]} if len(rest) == 3 else {}
    return {"volume_type": kind, "name": rest[0], "mount_path": rest[1], "spec": spec}


def _parse_bounds(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    low, _, high = text.partition(":")
    if not re.fullmatch(r"[0-9]{1,6}:[0-9]{1,6}", text):
        raise BuildRequestError(f"--autoscale: expected `MIN:MAX` such as `1:10`, found {show_value(text)}")
    return int(low), int(high)


def _check_number(flag: str, value: int | None, low: int, high: int) -> int | None:
    if value is not None and not low <= value <= high:
        raise BuildRequestError(f"{flag}: expected a whole number from {low} to {high}, found {value}")
    return value


def _parse_seconds(text: str) -> int | None:
    return int(parse_flag(duration, text, "--ttl")) if text else None
