"""Make the objects of one function for Kubernetes from flags: a request is read and checked, then documents."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ovenbird.common.setting_values import duration, named_input, named_json, named_variable
from ovenbird.common.text import show_value
from ovenbird.function_document import FunctionSpec

from ..errors import BaseMissingError, BuildRequestError
from ..host.flag_values import parse_flag
from ..host.network import read_network_settings
from ..image_store.skopeo_client import SkopeoClient
from ..kubernetes import exposure, generate, job_lines, k8s_names, manifest_secrets, overrides, request, task
from ..kubernetes.record_store import choose_files_variable, parse_store_secret
from ..oci.reference import ImageReference, parse_reference
from ..registry.auth_file import write_auth_file
from ..request.function_target import resolve_target
from ..request.run_instruction import parse_instruction_flag

_PATIENCE = 60.0  # seconds for a registry
_VOLUMES = {"pvc": "persistent_volume_claim"}
_SIZES = {"empty_dir": "size_limit"}


def make_documents(args: argparse.Namespace, environ: Mapping[str, str], notes: list[str]) -> list[dict[str, Any]]:
    """Return the documents of one function; what people should know is added to `notes`. Errors: BuildRequestError."""
    manifest_request = read_request(args, environ, notes)
    documents = make_objects(manifest_request, args, notes)
    notes += generate.list_apply_notes(manifest_request, documents)
    return documents


def read_request(args: argparse.Namespace, environ: Mapping[str, str], notes: list[str]) -> request.ManifestRequest:
    """Return the checked request of one function. Errors: BuildRequestError, DocumentError."""
    target = resolve_target(args.target)
    for text in target.function.unknown:
        sys.stderr.write(f"warning: function document: {text}\n")
    return _make_request(args, target.function, target.document, environ, notes)


def make_objects(
    manifest_request: request.ManifestRequest, args: argparse.Namespace, notes: list[str]
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the documents of a request, with the changes of `--set`. Errors: BuildRequestError."""
    documents = generate.make(manifest_request)
    overrides.apply(documents, args.set or ())
    notes += generate.list_notes(manifest_request)
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
            each=_make_lines(args, action),
            parallelism=_check_number("--parallelism", args.parallelism, 1, 10_000),
            retries=_check_number("--retries", args.retries, 0, 1000), ttl=_parse_seconds(args.ttl),
            generate_name=args.generate_name, tag=args.tag, registry_secret=args.registry_secret,
            document=path.read_text(encoding="utf-8") if action == "build" and path else "",
            expose=args.expose, gateway=args.gateway, ingress_class=args.ingress_class, tls_secret=args.tls_secret,
            metrics=args.metrics,
    )  # fmt: skip
    checked = request.check(
        manifest_request,
        [*_check_resolve_flags(args), *_check_store_flags(args, action), *exposure.list_problems(manifest_request)],
    )
    manifest_secrets.check_passwords(checked)
    return checked


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
        "job": (args.schedule, args.each, args.grid, args.input, args.ttl, args.retries is not None),
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


def _make_lines(args: argparse.Namespace, action: str) -> tuple[str, ...]:
    """Return the lines of an indexed job: `lines` are values of the Python API, which has no flag for them."""
    if values := getattr(args, "lines", ()):
        return job_lines.encode_lines(values)
    if args.grid and action != "job":
        raise BuildRequestError(f"`--grid` does not go with `--action {action}`")
    return job_lines.make_lines(args.each, args.grid or ())


def _merge_fields(args: argparse.Namespace, fields: Mapping[str, Any], action: str) -> dict[str, Any]:
    """Return the fields with those that the flags give: names win one by one, where a field has names."""
    merged = dict(fields)
    if args.params:
        merged["parameters"] = {**(merged.get("parameters") or {}), **task.read_parameters(Path(args.params))}
    for field, flag, form in (
        ("parameters", "param", named_json), ("inputs", "input", named_input), ("init_parameters", "init", named_json),
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
