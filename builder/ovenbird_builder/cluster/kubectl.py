"""The program kubectl, with the user's own context, plugins and rights; what it reports becomes an error of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ovenbird.common.text import cut_text, show_value

from ..errors import (
    ClusterAccessError,
    ClusterContextError,
    ClusterError,
    ClusterUnreachableError,
    CredentialsError,
    KindMissingError,
    KubectlMissingError,
    ObjectMissingError,
    PodRefusedError,
    ProgramMissingError,
    QuotaError,
)
from ..host import process

Document = dict[str, Any]

OUTAGES = (ClusterUnreachableError, CredentialsError)  # errors that may pass while a run goes on
_LONGEST_ANSWER = 1024 * 1024 * 1024  # characters of a list of objects
_PATIENCE = 30.0  # seconds for one answer of the API server
_GRACE = 10.0  # seconds more for kubectl itself, and for a plugin that fetches credentials
_INSTALL = "https://kubernetes.io/docs/tasks/tools/ has it for every system"
_NO_CONTEXT = "`kubectl config get-contexts` lists contexts; `--context NAME`, or KUBECONFIG, chooses one"
# text of kubectl -> the class of the error, and what to do; the first that fits counts
_ERRORS: tuple[tuple[str, type[ClusterError], str], ...] = (
    (r"exceeded quota|exceeds? .*quota", QuotaError, "`kubectl describe quota` says what is used"),
    (
        r"current-context|context was not found|no configuration has been provided"
        r"|context .* does not exist|error loading config|invalid configuration|stat .*: no such file",
        ClusterContextError,
        _NO_CONTEXT,
    ),
    (
        r"namespaces? .* not found",
        ClusterContextError,
        "`kubectl create namespace NAME` makes it; `--namespace` names another",
    ),
    (
        r"Unauthorized|must be logged in|getting credentials|system:anonymous",
        CredentialsError,
        "log in to the cluster again",
    ),
    (
        r"violates PodSecurity|denied the request|is forbidden: (?:maximum|minimum) ",
        PodRefusedError,
        "a policy of the namespace refuses the pod",
    ),
    (r"forbidden", ClusterAccessError, "`kubectl auth can-i --list` says what is allowed"),
    (
        r"could not find the requested resource|doesn't have a resource type|no matches for kind",
        KindMissingError,
        "`kubectl api-resources` lists the kinds of the cluster",
    ),
    (r"\(NotFound\)|not found", ObjectMissingError, ""),
    (
        r"[Uu]nable to connect|[Cc]onnection (?:to the server .* )?was refused|connection refused|i/o timeout"
        r"|\(Timeout\)|\(TooManyRequests\)|in the time allotted"
        r"|timed? ?out|deadline exceeded|\bEOF\b|no route to host|no such host|connection reset|connection lost"
        r"|network is "
        r"|unable to handle the request|ServiceUnavailable|InternalError|etcdserver|shutting down|try again later"
        r"|couldn't get current server API group list",
        ClusterUnreachableError,
        "`kubectl cluster-info` asks the same server",
    ),
)  # fmt: skip


class Kubectl:
    """Calls of kubectl with one context and namespace; empty is what kubectl chooses by itself."""

    def __init__(self, environ: Mapping[str, str], *, context: str = "", namespace: str = "") -> None:
        self._environ = {**environ, "LC_ALL": "C.UTF-8"}
        self.context, self.namespace = context, namespace

    def make_argv(self, *words: str) -> tuple[str, ...]:
        """Return the command line of a call."""
        flags = [f"--context={self.context}"] if self.context else []
        flags += [f"--namespace={self.namespace}"] if self.namespace else []
        return ("kubectl", *flags, *words)

    def run(self, *words: str, stdin: str | None = None, patience: float = _PATIENCE) -> str:
        """Run a call to its end and return its stdout. `patience` is in seconds.

        Errors: ClusterError and its subclasses.
        """
        data = None if stdin is None else stdin.encode()
        argv = self.make_argv(*words, f"--request-timeout={patience:g}s")
        try:
            return process.run(
                argv, env=self._environ, stdin=data, timeout=patience + _GRACE, limit=_LONGEST_ANSWER
            ).stdout
        except ProgramMissingError:
            raise _make_missing_error() from None
        except OSError as error:
            raise _make_start_error(error) from None
        except process.ProcessTimedOutError:
            raise ClusterUnreachableError(
                f"kubectl {words[0]} did not end within {patience + _GRACE:g} s", hint="is the API server there?"
            ) from None
        except process.ProcessFailedError as error:
            raise make_error(error.output, f"kubectl {words[0]}") from None

    def get(self, *words: str) -> Document:
        """Return an object, or a List of them. Errors: as of `run`."""
        return _parse_answer(self.run("get", *words, "-o", "json"))

    def list_items(self, *words: str) -> list[Document]:
        """Return the objects of a query. Errors: as of `run`."""
        items: list[Document] = self.get(*words)["items"]
        return items

    def create(self, documents: list[Document], verb: str = "create", *, validate: bool = False) -> list[Document]:
        """Create objects, or `apply` them, and return them as the cluster has them. Errors: as of `run`.

        `validate` refuses fields that do not exist: half a second for what `ovenbird manifests` makes right anyway.
        """
        if not documents:
            return []
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        document = _parse_answer(
            self.run(verb, "-f", "-", "-o", "json", f"--validate={str(validate).lower()}", stdin=text)
        )
        items: list[Document] = document["items"] if document.get("kind") == "List" else [document]
        return items

    def open_stream(self, *words: str) -> process.ProcessStream:
        """Start a call that goes on, such as a watch. Errors: KubectlMissingError, ClusterUnreachableError."""
        try:
            return process.ProcessStream(self.make_argv(*words), self._environ)
        except ProgramMissingError:
            raise _make_missing_error() from None
        except OSError as error:
            raise _make_start_error(error) from None


def make_error(output: str, what: str) -> ClusterError:
    """Return the error that the output of kubectl stands for; `what` is the call, for one that has no class."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # kubectl logs each failed attempt (E1129 10:00:00 …) before it reports the last one
    reports = [line for line in lines if not re.match(r"[EWI]\d{4} ", line)] or lines
    text = re.sub(r"^(?:error: |[Ee]rror from server(?: \(\w+\))?: )+", "", reports[0]) if reports else ""
    whole = "\n".join(reports)
    if "localhost:8080" in whole:  # where kubectl looks when nothing says where the API server is
        return ClusterContextError("kubectl knows no cluster: it has no configuration", hint=_NO_CONTEXT)
    for pattern, kind, hint in _ERRORS:
        if re.search(pattern, whole):
            return kind(cut_text(text, 1000), hint=hint)
    return ClusterError(f"{what}: {cut_text(text, 1000) or show_value(output[-200:])}")


def _make_missing_error() -> KubectlMissingError:
    return KubectlMissingError("the program `kubectl` is not installed", hint=_INSTALL)


def _make_start_error(error: OSError) -> ClusterError:
    """Return the error of a process that this machine does not start, for now or ever."""
    text = f"kubectl cannot be started: {error.strerror or error}"
    if isinstance(error, PermissionError):
        return KubectlMissingError(text, hint=_INSTALL)
    return ClusterUnreachableError(text, hint="`ulimit -a` lists the limits of this machine")


def _parse_answer(text: str) -> Document:
    """Return an answer that is JSON. Errors: ClusterError for one that is not, or lost its beginning by its size."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ClusterError(f"kubectl has answered with {len(text)} characters that are no JSON object")
    return document
