"""Ports that no connection can be made to, in URLs and in the variables of proxies."""

from __future__ import annotations

import pytest

from ovenbird.common.url_port import describe_bad_port, describe_bad_proxy

RANGE = "its port is out of range"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://host", ""), ("http://host:", ""), ("http://host:1/", ""), ("https://[::1]:65535/a?b#c", ""),
        ("http://host:65536", RANGE), ("http://user:word@host:99999/x", RANGE), ("http://host:0", RANGE),
        ("http://host:" + "9" * 40, RANGE),
        ("http://host:x1", "its host or its port is malformed"),
        ("http://host:-1", "its host or its port is malformed"),
        ("http://[::1", "its host or its port is malformed"),
    ],
)  # fmt: skip
def test_only_a_port_from_1_to_65535_can_be_connected_to(url: str, problem: str) -> None:
    """A URL without a port has that of its scheme."""
    assert describe_bad_port(url) == problem


def test_the_error_of_a_proxy_names_its_variable_and_not_its_password() -> None:
    """A proxy may be written without a scheme."""
    assert describe_bad_proxy("http_proxy", "user:word@proxy:3128") == ""
    problem = describe_bad_proxy("https_proxy", "http://user:word@proxy:70000")
    assert problem.startswith("https_proxy: the proxy 'http://")
    assert problem.endswith(f"proxy:70000' cannot be used: {RANGE}")
    assert "word" not in problem
    assert describe_bad_proxy("all_proxy", "proxy:70000").endswith(f"'proxy:70000' cannot be used: {RANGE}")
