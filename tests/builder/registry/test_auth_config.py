"""Where credentials come from, and which of several count."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ovenbird_builder.errors import BuildRequestError
from ovenbird_builder.oci.reference import parse_reference
from ovenbird_builder.registry.auth_config import RegistryLogin, find_login

APP = parse_reference("registry.example/team/app:1")


def make_auth(user: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:pw:{user}".encode()).decode()}


def keep(path: Path, **config: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config))
    return path


def test_the_most_specific_entry_counts(tmp_path: Path) -> None:
    """A login for a namespace beats one for the host; a password may hold a colon."""
    hosts = {
        "registry.example": make_auth("host"),
        "registry.example/team": make_auth("team"),
        "registry.example/te": make_auth("x"),
    }
    env = {"REGISTRY_AUTH_FILE": str(keep(tmp_path / "a.json", auths=hosts))}
    assert find_login(APP, env) == RegistryLogin("team", "pw:team")
    assert find_login(parse_reference("registry.example/other"), env) == RegistryLogin("host", "pw:host")
    assert find_login(parse_reference("elsewhere.example/app"), env) is None


def test_files_are_looked_at_in_order(tmp_path: Path) -> None:
    """A named file alone; else podman's before docker's, and docker's own names of Docker Hub."""
    env = {"HOME": str(tmp_path)}
    assert find_login(APP, env) is None
    hub = {"https://index.docker.io/v1/": make_auth("hub"), "https://registry.example": make_auth("docker")}
    keep(tmp_path / ".docker/config.json", auths=hub)
    assert find_login(APP, env) == RegistryLogin("docker", "pw:docker")
    assert find_login(parse_reference("python:3.12"), env) == RegistryLogin("hub", "pw:hub")
    keep(tmp_path / ".config/containers/auth.json", auths={"registry.example": make_auth("podman")})
    assert find_login(APP, env) == RegistryLogin("podman", "pw:podman")
    named = keep(tmp_path / "named.json", auths={})
    assert find_login(APP, env, str(named)) is None


def test_credential_helpers_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real credential helper on the PATH, for one host and for all; one that is not installed is passed over."""
    helper = tmp_path / "docker-credential-tests"
    helper.write_text('#!/bin/sh\nread host\necho "{\\"Username\\": \\"for $host\\", \\"Secret\\": \\"s\\"}"\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    env = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    keep(tmp_path / ".docker/config.json", credHelpers={"registry.example": "tests"})
    assert find_login(APP, env) == RegistryLogin("for registry.example", "s")
    keep(tmp_path / ".docker/config.json", credsStore="tests")
    assert find_login(APP, env) == RegistryLogin("for registry.example", "s")
    keep(tmp_path / ".docker/config.json", credsStore="not-installed")
    assert find_login(APP, env) is None


def test_an_unusable_file_is_reported(tmp_path: Path) -> None:
    """One that was named and is not there, and one that is no JSON, whose content is not quoted."""
    with pytest.raises(BuildRequestError, match=r"--authfile.*none"):
        find_login(APP, {}, str(tmp_path / "none"))
    (tmp_path / "bad").write_text("hush")
    with pytest.raises(BuildRequestError, match="bad") as caught:
        find_login(APP, {"REGISTRY_AUTH_FILE": str(tmp_path / "bad")})
    assert "hush" not in str(caught.value)


def test_a_login_does_not_show_its_password() -> None:
    """Neither password nor token."""
    assert "hush" not in repr(RegistryLogin("ada", "hush", "hush"))
