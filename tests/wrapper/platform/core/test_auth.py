"""Every way to sign a call, against a Core that checks it."""

from __future__ import annotations

import configparser
import traceback
from pathlib import Path

import pytest
from tests.core.auth import CLIENT
from tests.core.server import Double

from ovenbird.errors import PlatformAuthError, PlatformError, SettingsError
from ovenbird.platform.core.rest_client import RestClient


@pytest.fixture
def bearer_core(core: Double) -> Double:
    """A Core that wants a Bearer token."""
    core.auth.mode = "bearer"
    return core


def authorized_client(core: Double, **environ: str) -> RestClient:
    """A client that has made one call."""
    rest_client = RestClient({**core.environ(), **environ}, 1.0)
    assert rest_client.call("GET", "/projects/p")["name"] == "p"
    return rest_client


def test_an_access_token(bearer_core: Double) -> None:
    authorized_client(bearer_core, DHCORE_ACCESS_TOKEN=bearer_core.auth.issue())
    assert len(bearer_core.calls) == 1


def test_an_expired_token_is_refreshed_once(bearer_core: Double) -> None:
    """The refresh token is used, the call repeated, and the new token used for the next call."""
    tokens = {
        "DHCORE_ACCESS_TOKEN": bearer_core.auth.issue(0),
        "DHCORE_REFRESH_TOKEN": bearer_core.auth.issue_refresh(),
    }
    rest_client = authorized_client(bearer_core, **tokens)
    rest_client.call("GET", "/projects/p")
    assert bearer_core.counts() == {"GET projects/{id}": 3, "POST /auth/token": 1}


def test_refreshing_brings_new_credentials_for_files(bearer_core: Double) -> None:
    """Files are read with the S3 credentials that the token endpoint returns with the new token."""
    bearer_core.auth.granted = {
        "aws_access_key_id": "AKIDNEW",
        "aws_secret_access_key": "new",
        "aws_session_token": "t",
    }
    tokens = {
        "DHCORE_ACCESS_TOKEN": bearer_core.auth.issue(0),
        "DHCORE_REFRESH_TOKEN": bearer_core.auth.issue_refresh(),
    }
    storage = authorized_client(bearer_core, **tokens, AWS_ACCESS_KEY_ID="AKIDOLD").tokens.storage
    assert (storage["AWS_ACCESS_KEY_ID"], storage["AWS_SESSION_TOKEN"]) == ("AKIDNEW", "t")


def test_the_token_endpoint_is_found_at_the_issuer(bearer_core: Double) -> None:
    tokens = {
        "DHCORE_ACCESS_TOKEN": bearer_core.auth.issue(0),
        "DHCORE_REFRESH_TOKEN": bearer_core.auth.issue_refresh(),
    }
    authorized_client(bearer_core, **tokens, OAUTH2_TOKEN_ENDPOINT="")
    assert bearer_core.counts()["GET /.well-known/openid-configuration"] == 1


@pytest.mark.parametrize("name", ["DHCORE_ISSUER", "OAUTH2_TOKEN_ENDPOINT"])
def test_an_issuer_with_a_port_out_of_range(bearer_core: Double, name: str) -> None:
    """It is refused at once, and not tried for as long as the platform's patience."""
    tokens = {
        "DHCORE_ACCESS_TOKEN": bearer_core.auth.issue(0),
        "DHCORE_REFRESH_TOKEN": bearer_core.auth.issue_refresh(),
    }
    with pytest.raises(
        SettingsError, match=r"the issuer of tokens cannot be at 'http://host:99999.*port is out of range"
    ):
        authorized_client(bearer_core, **{**tokens, "OAUTH2_TOKEN_ENDPOINT": "", name: "http://host:99999"})


def test_a_personal_token_is_exchanged_and_comes_first(bearer_core: Double) -> None:
    """It is exchanged once, and again when the new token expires; an access token of the environment is unused."""
    rest_client = authorized_client(
        bearer_core, DHCORE_PERSONAL_ACCESS_TOKEN=bearer_core.auth.issue_personal(), DHCORE_ACCESS_TOKEN="worthless"
    )
    assert bearer_core.counts() == {"POST /auth/token": 1, "GET projects/{id}": 1}
    bearer_core.auth.expire()
    assert rest_client.call("GET", "/projects/p")["name"] == "p"
    assert bearer_core.counts()["POST /auth/token"] == 2


def test_user_and_password(core: Double) -> None:
    core.auth.mode = "basic"
    authorized_client(core, DHCORE_USER=core.auth.user, DHCORE_PASSWORD=core.auth.password)


def test_no_credentials(core: Double) -> None:
    """A platform that asks for nothing gets no header."""
    assert authorized_client(core).tokens.make_header() == ""


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "nothing to renew them with"),
        ({"DHCORE_ACCESS_TOKEN": "at-old"}, "nothing to renew them with"),
        ({"DHCORE_ACCESS_TOKEN": "at-old", "DHCORE_REFRESH_TOKEN": "rt-old"}, "the refresh token was not accepted"),
        ({"DHCORE_PERSONAL_ACCESS_TOKEN": "pat-old"}, "the personal access token was not accepted"),
        ({"DHCORE_USER": "ann", "DHCORE_PASSWORD": "pw-old"}, "nothing to renew them with"),
        ({"DHCORE_ACCESS_TOKEN": "at-old", "DHCORE_REFRESH_TOKEN": "rt-old", "DHCORE_CLIENT_ID": ""}, "CLIENT_ID"),
    ],
)
def test_denied(bearer_core: Double, environ: dict[str, str], message: str) -> None:
    """The error names the refused credential and what to do, and never holds the secret."""
    with pytest.raises(PlatformAuthError, match=message) as caught:
        authorized_client(bearer_core, **environ)
    text = "".join(traceback.format_exception(caught.value))
    assert caught.value.hint
    assert [secret for secret in ("at-old", "rt-old", "pat-old", "pw-old") if secret in str(caught.value)] == []
    assert "pw-old" not in text


@pytest.mark.slow
def test_a_token_endpoint_that_is_down(bearer_core: Double) -> None:
    tokens = {
        "DHCORE_ACCESS_TOKEN": bearer_core.auth.issue(0),
        "DHCORE_REFRESH_TOKEN": bearer_core.auth.issue_refresh(),
    }
    with pytest.raises(PlatformError, match=r"127.0.0.1:9/token does not answer"):
        authorized_client(bearer_core, **tokens, OAUTH2_TOKEN_ENDPOINT="http://127.0.0.1:9/token")


def _file(path: Path, **profiles: dict[str, str]) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    for name, values in profiles.items():
        if name == "DEFAULT":
            parser["DEFAULT"].update(values)
        else:
            parser[name] = values
    with path.open("w") as file:
        parser.write(file)
    return str(path)


def test_the_credentials_file(bearer_core: Double, tmp_path: Path) -> None:
    """Its profile is DH_NAME, else the current one; refreshed tokens go back into it, readable by its owner only."""
    good = {"DHCORE_ACCESS_TOKEN": bearer_core.auth.issue(0), "DHCORE_REFRESH_TOKEN": bearer_core.auth.issue_refresh()}
    bad = {"DHCORE_ENDPOINT": bearer_core.url, "DHCORE_CLIENT_ID": CLIENT, "DHCORE_ISSUER": bearer_core.url}
    path = _file(tmp_path / "core.ini", DEFAULT={"current_environment": "bad"}, bad=bad, good={**bad, **good})
    environ = {"DH_CONFIG": path, "DH_NAME": "good"}
    assert RestClient(environ, 1).call("GET", "/projects/p")["name"] == "p"
    assert Path(path).stat().st_mode & 0o777 == 0o600
    assert good["DHCORE_ACCESS_TOKEN"] not in Path(path).read_text()
    bearer_core.calls.clear()
    assert RestClient(environ, 1).call("GET", "/projects/p")["name"] == "p"
    assert len(bearer_core.calls) == 1  # the tokens that were put back are good
    with pytest.raises(PlatformAuthError):
        RestClient({"DH_CONFIG": path}, 1).call("GET", "/projects/p")


def test_the_environment_comes_before_the_file(bearer_core: Double, tmp_path: Path) -> None:
    """The file's credentials are turned to when the environment's are not accepted, and are never mixed with them."""
    good = {"dhcore_access_token": bearer_core.auth.issue(), "dhcore_refresh_token": "rt-file"}
    path = _file(tmp_path / "core.ini", __default=good)
    authorized_client(bearer_core, DH_CONFIG=path, DHCORE_ACCESS_TOKEN="at-stale", DHCORE_REFRESH_TOKEN="rt-stale")
    used = [body["refresh_token"] for _, path, body in bearer_core.calls if path == "/auth/token"]
    assert used == ["rt-stale"]


def test_a_file_that_does_not_parse(tmp_path: Path) -> None:
    """The file is named, its content is not quoted."""
    path = tmp_path / "core.ini"
    path.write_text("at-secret without any section\n")
    with pytest.raises(SettingsError, match=r"core\.ini") as caught:
        RestClient({"DH_CONFIG": str(path), "DHCORE_ENDPOINT": "http://h"})
    assert "at-secret" not in "".join(traceback.format_exception(caught.value))


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    path = _file(tmp_path / "core.ini", one={"dhcore_user": "u"})
    with pytest.raises(SettingsError, match="no profile 'two'") as caught:
        RestClient({"DH_CONFIG": path, "DH_NAME": "two", "DHCORE_ENDPOINT": "http://h"})
    assert "one" in caught.value.hint


def test_many_threads_refresh_once(bearer_core: Double) -> None:
    """A refresh token works once: threads that find the token expired at the same time share one refresh."""
    from concurrent.futures import ThreadPoolExecutor

    tokens = {
        "DHCORE_ACCESS_TOKEN": bearer_core.auth.issue(0),
        "DHCORE_REFRESH_TOKEN": bearer_core.auth.issue_refresh(),
    }
    rest_client = RestClient({**bearer_core.environ(), **tokens}, 1.0)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: rest_client.call("GET", "/projects/p")["name"], range(16)))
    assert answers == ["p"] * 16
    assert bearer_core.counts()["POST /auth/token"] == 1
