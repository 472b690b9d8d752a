"""`ovenbird serve --cluster` on a real node: ready, called through a forwarded port, broken, removed."""

from __future__ import annotations

import contextlib
import signal

import httpx
import pytest
from tests.kube import Kube

from .cluster_verbs import finish, start

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


def test_a_service_from_its_start_to_its_end(space: Kube) -> None:
    """It is called by a port of this machine; a version that does not start is told with its log, and the one before
    it answers; removed, nothing of it is left.
    """
    process = start(space, "serve", "--port", "0")
    assert process.stdout
    url = process.stdout.readline().strip()
    assert httpx.post(url, json={"n": 5}, timeout=60, trust_env=False, verify=False).json()["n"] == 5
    code, _, err = finish(start(space, "serve", "--init", "nobody=1"))
    assert code == 99
    assert "exit status 73: init: init parameters were given" in err.splitlines()[-1]
    assert '"code":"init"' in err
    assert httpx.post(url, json={"n": 6}, timeout=60, trust_env=False, verify=False).json()["n"] == 6
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 130
    code, _, err = finish(start(space, "serve", "--delete"))
    assert code == 0, err
    assert "deleted deployment.apps/greet" in err
    assert not space.get("deployments,services")["items"]
    assert finish(start(space, "serve", "--delete"))[0] == 90


def test_a_forwarded_port_ends_with_its_service(space: Kube) -> None:
    """Deleted by somebody else, it is told as an error once a connection breaks, and not forwarded for ever."""
    process = start(space, "serve", "--port", "0")
    assert process.stdout
    url = process.stdout.readline().strip()
    assert httpx.post(url, json={"n": 5}, timeout=60, trust_env=False, verify=False).json()["n"] == 5
    assert finish(start(space, "serve", "--delete"))[0] == 0
    while process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):  # a call is what shows kubectl that the pod is gone
            httpx.get(url, timeout=2, trust_env=False, verify=False)
    code, _, err = finish(process)
    assert code == 90
    assert 'services "greet" not found' in err
