"""What kubectl writes becomes an error with an exit status of its own."""

from __future__ import annotations

import os

import pytest

from ovenbird_builder import errors
from ovenbird_builder.cluster.kubectl import Kubectl, make_error

from .conftest import StandIn

# as kubectl 1.32 writes them
TEXTS = {
    'error: context "nope" does not exist': errors.ClusterContextError,
    'Error in configuration: context was not found for specified context: nope': errors.ClusterContextError,
    "E1129 11:29:22.30 memcache.go:265] Get http://localhost:8080/api: connection refused\n"
    "The connection to the server localhost:8080 was refused - did you specify the right host or port?":
        errors.ClusterContextError,
    'error: failed to create configmap: namespaces "x" not found': errors.ClusterContextError,
    'Error from server (Forbidden): jobs.batch is forbidden: User "u" cannot create': errors.ClusterAccessError,
    "error: You must be logged in to the server (Unauthorized)": errors.CredentialsError,
    "Unable to connect to the server: getting credentials: exec: read tcp: i/o timeout": errors.CredentialsError,
    "Error from server (Timeout): the server was unable to return a response in the time allotted":
        errors.ClusterUnreachableError,
    "Error from server (NotFound): the server could not find the requested resource": errors.KindMissingError,
    'Error from server (Forbidden): jobs.batch "a" is forbidden: exceeded quota: q': errors.QuotaError,
    'Error from server (NotFound): jobs.batch "greet" not found': errors.ObjectMissingError,
    "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?":
        errors.ClusterUnreachableError,
    "Unable to connect to the server: dial tcp: lookup k8s: no such host": errors.ClusterUnreachableError,
    "error: unexpected EOF": errors.ClusterUnreachableError,
    "error: something else": errors.ClusterError,
}  # fmt: skip


@pytest.mark.parametrize(("text", "error"), TEXTS.items(), ids=range(len(TEXTS)))
def test_the_class_of_an_error(text: str, error: type[errors.ClusterError]) -> None:
    """By what kubectl writes; what it logs of each attempt is left out."""
    error_of_text = make_error(text, "kubectl get")
    assert type(error_of_text) is error
    assert not error_of_text.message.startswith(("error:", "Error from", "E1129"))


def test_kubectl_is_not_installed(tmp_path: str) -> None:
    """The message says what is missing."""
    with pytest.raises(errors.KubectlMissingError, match="`kubectl` is not installed"):
        Kubectl({**os.environ, "PATH": str(tmp_path)}).run("version")


@pytest.mark.parametrize("text", ["", "no JSON"], ids=["empty", "text"])
def test_an_answer_that_is_no_json(standin: StandIn, text: str) -> None:
    """It is an error of the cluster."""
    standin.put("pods", text.encode())
    with pytest.raises(errors.ClusterError, match="no JSON object"):
        standin.kubectl.list_items("pods")
