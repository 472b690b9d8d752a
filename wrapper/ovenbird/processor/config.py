"""The processor's document (`kind: NuclioFunction`): what is served, by which trigger, within which limits.

`read` is strict about fields that decide how the function runs, and reports every problem at once. Fields of the
controller are skipped; unknown fields are listed in `ProcessorConfig.ignored`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.text import show_value
from ..errors import DocumentError
from ..function_document import MODULE, parse
from .resource_limits import LIMITS, parse_limits

JOB, HTTP = "job", "http"
KIND, VERSIONS = "NuclioFunction", "nuclio.io/v1"
_HANDLER = re.compile(rf"({MODULE}):([^\W\d]\w*(?:\.[^\W\d]\w*)*)")

# all known fields, also those that only the deployment reads
_TOP = frozenset("apiVersion kind metadata spec status".split())
_SPEC = frozenset(
    """description disable runtime handler image imageHash imagePullSecrets replicas minReplicas maxReplicas
    targetCPU dataBindings triggers build env envFrom resources volumes version alias runRegistry registry
    readinessTimeoutSeconds securityContext serviceType serviceAccount eventTimeout scaleToZero platform loggerSinks
    avatar priorityClassName preemptionPolicy affinity nodeSelector nodeName tolerations""".split()
)
_TRIGGER = frozenset(
    """kind class name attributes disabled url annotations maxWorkers numWorkers totalTasks maxTaskAllocation
    workerAllocatorName workerAvailabilityTimeoutMilliseconds username password secret""".split()
)
_ATTRIBUTES = {
    HTTP: frozenset("port ingresses serviceType annotations reduceMemoryUsage disablePortPublishing".split())
    | frozenset(LIMITS),
    JOB: frozenset(["event"]),
}


@dataclass(frozen=True, slots=True)
class ProcessorConfig:
    """A processor's document, validated.

    `root` is its folder; the trigger is `kind` (`job` or `http`) under the name `trigger`; `body` is a job's event;
    `limits` holds settings by their names in the table; `ignored` the paths of unknown fields.
    """

    root: Path
    name: str
    module: str
    attribute: str
    kind: str
    trigger: str
    body: bytes = b""
    limits: dict[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    spec: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def read(path: Path) -> ProcessorConfig:
    """Return the processor's document at `path`. Errors: DocumentError, with every problem."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise DocumentError(f"--config: cannot read {show_value(str(path))}: {reason}") from None
    document = parse(text, str(path))
    if document.get("kind") != KIND:
        hint = "a function document is run by `ovenbird serve` or `ovenbird run`" if document.get("kind") else ""
        raise DocumentError(
            f"{show_value(str(path))}: kind: expected {show_value(KIND)}, {_describe_value(document.get('kind'))}",
            hint=hint,
        )
    problems: list[str] = []
    config = _read_config(document, path.resolve().parent, problems)
    if problems:
        raise DocumentError(f"the processor's document {show_value(str(path))} is not valid:", problems=tuple(problems))
    return config


def _read_config(document: dict[str, Any], root: Path, problems: list[str]) -> ProcessorConfig:
    version = document.get("apiVersion")
    if not isinstance(version, str) or not version.startswith(VERSIONS):
        problems.append(f"apiVersion: expected 'nuclio.io/v1beta1', {_describe_value(version)}")
    spec = _read_mapping(document, "spec", "", problems)
    metadata = _read_mapping(document, "metadata", "", problems)
    module, attribute = _read_handler(spec.get("handler"), problems)
    runtime = spec.get("runtime", "python")
    if not isinstance(runtime, str) or runtime.partition(":")[0] != "python":
        problems.append(f"spec.runtime: expected 'python', found {show_value(runtime)}")
    name, trigger = _read_trigger(_read_mapping(spec, "triggers", "spec.", problems), problems)
    kind, where = str(trigger.get("kind", "")), f"spec.triggers.{name}."
    attributes = _read_mapping(trigger, "attributes", where, problems)
    title = metadata.get("name")
    return ProcessorConfig(
        root=root,
        name=title if isinstance(title, str) else "",
        module=module,
        attribute=attribute,
        kind=kind,
        trigger=name,
        body=_read_body(attributes, where, problems) if kind == JOB else b"",
        limits=parse_limits(spec, trigger, attributes, where, problems),
        ignored=(
            *_find_unknown(document, _TOP, ""),
            *_find_unknown(spec, _SPEC, "spec."),
            *_find_unknown(trigger, _TRIGGER, where),
            *_find_unknown(attributes, _ATTRIBUTES.get(kind, frozenset()), where + "attributes."),
        ),
        spec=spec,
    )


def _read_trigger(triggers: dict[str, Any], problems: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the only enabled trigger and its name. Add a problem if there is none, a second, or one of another
    kind.
    """
    enabled = {str(name): trigger for name, trigger in triggers.items() if not _is_disabled(trigger)}
    if not enabled:
        why = "every trigger is disabled" if triggers else "missing"
        problems.append(f"spec.triggers: {why}; one of kind '{JOB}' or '{HTTP}' is needed")
        return "", {}
    sound = True
    for name, trigger in enabled.items():
        kind = trigger.get("kind") if isinstance(trigger, dict) else None
        if kind not in (JOB, HTTP):
            sound = False
            problems.append(f"spec.triggers.{name}.kind: expected '{JOB}' or '{HTTP}', {_describe_value(kind)}")
    if len(enabled) > 1:
        names = ", ".join(f"{show_value(name)} ({_kind_of(trigger)})" for name, trigger in enabled.items())
        problems.append(f"spec.triggers: {names} cannot be combined; a process runs one job or serves one port")
    name, trigger = next(iter(enabled.items()))
    return (name, trigger) if sound else (name, {})


def _is_disabled(trigger: Any) -> bool:
    return isinstance(trigger, dict) and trigger.get("disabled") is True


def _kind_of(trigger: Any) -> Any:
    return trigger.get("kind") if isinstance(trigger, dict) else None


def _read_handler(value: Any, problems: list[str]) -> tuple[str, str]:
    """Return the module and the attribute of `package/module:name` or `package.module:name`."""
    match = _HANDLER.fullmatch(value.replace("/", ".")) if isinstance(value, str) else None
    if not match:
        problems.append(f"spec.handler: expected 'module:name', {_describe_value(value)}")
        return "", ""
    return match[1], match[2]


def _read_body(attributes: dict[str, Any], where: str, problems: list[str]) -> bytes:
    """Return the bytes of a job's event."""
    body = _read_mapping(attributes, "event", where + "attributes.", problems).get("body", "")
    if not isinstance(body, str):
        problems.append(f"{where}attributes.event.body: expected text, found {type(body).__name__}")
        return b""
    return body.encode()


def _read_mapping(parent: dict[str, Any], key: str, where: str, problems: list[str]) -> dict[str, Any]:
    """Return a field that is a mapping; empty when it is left out."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.append(f"{where}{key}: expected a mapping, found {show_value(value)}")
        return {}
    return value


def _describe_value(value: Any) -> str:
    return "it is missing" if value is None else f"found {show_value(value)}"


def _find_unknown(mapping: dict[str, Any], names: frozenset[str], where: str) -> list[str]:
    return [f"{where}{key}" for key in mapping if key not in names]
