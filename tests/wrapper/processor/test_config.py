"""The processor's document: what decides is strict, what says nothing is passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.processors import HTTP, document, http, job

from ovenbird.errors import DocumentError
from ovenbird.processor.config import ProcessorConfig, read


def write(folder: Path, content: Any) -> Path:
    path = folder / "function.yaml"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def problems(folder: Path, content: Any) -> tuple[str, ...]:
    with pytest.raises(DocumentError) as caught:
        read(write(folder, content))
    assert caught.value.exit_code == 71
    return caught.value.problems


def test_a_job(tmp_path: Path) -> None:
    """The body is the bytes of the text, whatever they are."""
    assert read(write(tmp_path, document(job('{"é": 1}')))) == ProcessorConfig(
        root=tmp_path, name="f1", module="handler", attribute="handler", kind="job", trigger="job",
        body='{"é": 1}'.encode(),
    )  # fmt: skip


def test_a_service_with_its_limits(tmp_path: Path) -> None:
    """The trigger keeps its own name; limits become settings."""
    trigger = http({"maxRequestBodySize": 10, "readBufferSize": 4096}, numWorkers=3)["http"]
    config = read(write(tmp_path, document({"mine": trigger}, eventTimeout="30s", handler="pkg/mod:fn")))
    assert (config.kind, config.trigger, config.body) == ("http", "mine", b"")
    assert (config.module, config.attribute) == ("pkg.mod", "fn")
    assert config.limits == {"timeout": 30.0, "concurrency": 3, "max_body": 10, "max_header": 4096}


def test_unknown_fields_are_named_and_change_nothing(tmp_path: Path) -> None:
    """Unknown fields at every depth are reported by path; fields of the controller are not reported."""
    content = document(http({"odd": 1}, maxWorkers=2, other=1), strange={}, replicas=3, resources={})
    content["status"], content["extra"] = {}, 1
    config = read(write(tmp_path, content))
    assert config.ignored == ("extra", "spec.strange", "spec.triggers.http.other", "spec.triggers.http.attributes.odd")
    assert config.limits == {"concurrency": 2}


def test_a_trigger_that_is_disabled_does_not_count(tmp_path: Path) -> None:
    """A disabled trigger is neither the required trigger nor a second one, whatever its kind."""
    config = read(write(tmp_path, document({"k": {"kind": "kafka-cluster", "disabled": True}, **HTTP})))
    assert config.trigger == "http"
    messages = problems(tmp_path, document({"k": {"kind": "http", "disabled": True}}))
    assert messages == ("spec.triggers: every trigger is disabled; one of kind 'job' or 'http' is needed",)


@pytest.mark.parametrize("triggers", [None, {}])
def test_no_trigger(tmp_path: Path, triggers: Any) -> None:
    """A document without a trigger of kind `job` or `http` is refused."""
    messages = problems(tmp_path, document(triggers))
    assert messages == ("spec.triggers: missing; one of kind 'job' or 'http' is needed",)


def test_two_triggers(tmp_path: Path) -> None:
    """The error has both triggers with their kinds, also two of one kind."""
    (messages,) = problems(tmp_path, document({**job("x"), **HTTP}))
    assert "'job' (job), 'http' (http) cannot be combined" in messages
    (messages,) = problems(tmp_path, document({"a": {"kind": "http"}, "b": {"kind": "http"}}))
    assert "'a' (http), 'b' (http) cannot be combined" in messages


@pytest.mark.parametrize("kind", ["kafka-cluster", "cron", "HTTP", 7])
def test_another_trigger_is_refused_by_name(tmp_path: Path, kind: Any) -> None:
    """The error has the kind that was found, and the kinds that are served."""
    messages = problems(tmp_path, document({"events": {"kind": kind}}))
    assert messages == (f"spec.triggers.events.kind: expected 'job' or 'http', found {kind!r}",)


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    """A document is not mended one error at a time."""
    config = document(http({"readBufferSize": "lots"}, maxWorkers=-1), handler="main", runtime="golang")
    del config["apiVersion"]
    assert problems(tmp_path, config) == (
        "apiVersion: expected 'nuclio.io/v1beta1', it is missing",
        "spec.handler: expected 'module:name', found 'main'",
        "spec.runtime: expected 'python', found 'golang'",
        "spec.triggers.http.maxWorkers: expected a whole number up to 100000, found -1",
        "spec.triggers.http.attributes.readBufferSize: expected a size such as 1048576, 500kB or 4MiB, found 'lots'",
    )


@pytest.mark.parametrize(
    ("triggers", "problem"),
    [
        ([], "spec.triggers: expected a mapping, found []"),
        ({"job": {"kind": "job", "attributes": 3}}, "spec.triggers.job.attributes: expected a mapping, found 3"),
        ({"job": {"kind": "job", "attributes": {"event": "x"}}}, "event: expected a mapping, found 'x'"),
        (job("") | {"job": {"kind": "job", "attributes": {"event": {"body": {"a": 1}}}}}, "expected text, found dict"),
        ({"job": "x"}, "spec.triggers.job.kind: expected 'job' or 'http', it is missing"),
    ],
)
def test_a_field_of_another_type(tmp_path: Path, triggers: Any, problem: str) -> None:
    """The path and what was found."""
    assert any(problem in message for message in problems(tmp_path, document(triggers)))


def test_a_document_of_another_kind(tmp_path: Path) -> None:
    """A function document of Ovenbird is recognised, and the error names the verb that runs it."""
    with pytest.raises(DocumentError, match="found 'python'") as caught:
        read(write(tmp_path, {"kind": "python", "name": "f", "spec": {}}))
    assert "ovenbird serve" in caught.value.hint
    with pytest.raises(DocumentError, match="kind: expected 'NuclioFunction', it is missing"):
        read(write(tmp_path, {}))


def test_no_document(tmp_path: Path) -> None:
    """A file that is missing, no text, or no YAML: what and where."""
    with pytest.raises(DocumentError, match=r"--config: cannot read .*none.yaml.: No such file"):
        read(tmp_path / "none.yaml")
    (tmp_path / "function.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DocumentError, match="not UTF-8 text"):
        read(tmp_path / "function.yaml")
    with pytest.raises(DocumentError, match="not valid YAML at line 1"):
        read(write(tmp_path, "a: [1"))
    with pytest.raises(DocumentError, match="not a mapping"):
        read(write(tmp_path, "[]"))


@pytest.mark.parametrize(
    ("text", "module", "attribute"),
    [
        ("main:run", "main", "run"),
        ("pkg.sub.mod:obj.method", "pkg.sub.mod", "obj.method"),
        ("pkg/mod:f", "pkg.mod", "f"),
        ("my-mod:f", "my-mod", "f"),
    ],
)
def test_handlers(tmp_path: Path, text: str, module: str, attribute: str) -> None:
    """Modules by dots or by slashes, with dashes as the import system takes them."""
    config = read(write(tmp_path, document(HTTP, handler=text)))
    assert (config.module, config.attribute) == (module, attribute)


@pytest.mark.parametrize("text", ["", ":f", "main:", "main.py:", "1+a:f", "main:f()", "../main:f", "a b:f", 7])
def test_no_handler(tmp_path: Path, text: Any) -> None:
    """A handler without module and name is refused, and the error quotes it."""
    assert problems(tmp_path, document(HTTP, handler=text)) == (
        f"spec.handler: expected 'module:name', found {text!r}",
    )


def test_what_is_missing(tmp_path: Path) -> None:
    """A field that is absent or null is reported as missing."""
    assert problems(tmp_path, document({"events": {"kind": None}}, handler=None)) == (
        "spec.handler: expected 'module:name', it is missing",
        "spec.triggers.events.kind: expected 'job' or 'http', it is missing",
    )
