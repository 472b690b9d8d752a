"""Credentials in URLs, and parameters whose names say secret."""

from __future__ import annotations

from typing import Any

import pytest

from ovenbird.common.redact import (
    is_secret_name,
    is_secret_variable,
    make_redactor,
    mask_command,
    mask_parameters,
    mask_record,
    redact_record,
    redact_text,
    redact_url,
    redact_values,
)
from ovenbird.errors import OvenbirdError

S = "s3cr3t"
SIGNED = [
    f"https://h/f?X-Amz-Algorithm=a&X-Amz-Credential={S}&X-Amz-Signature={S}&X-Amz-Security-Token={S}",
    f"https://h/f?AWSAccessKeyId={S}&Signature={S}&Expires=1",
    f"https://h/f?X-Goog-Credential={S}&X-Goog-Signature={S}",
    f"https://h/f?GoogleAccessId={S}&Expires=1&Signature={S}",
    f"https://h/f?sv={S}&sr={S}&sp={S}&se={S}&st={S}&spr={S}&skoid={S}&sig={S}",
    f"https://h/f?SIG={S}&SV={S}",
    *(f"https://h/f?{name}={S}" for name in (
        "token", "access_token", "private_token", "sig", "signature", "key", "api_key", "apikey", "api-key", "password",
        "passwd", "pwd", "secret", "client_secret", "auth", "jwt", "Key-Pair-Id", "subscription-key", "Authorization",
        "X-OSS-Signature", "session", "hmac",
    )),
    f"https://h/f?a=1#access_token={S}&b=2",
    "https://h/f?x=" + "eyJhbGciOiJIUzI1NiJ9.e30.s3cr3t",
    f"https://h/f?ghp_{S}{S}",
    f"https://h/f?x=glpat-{S}{S}",
]  # fmt: skip
CREDENTIALS = [
    f"https://user:{S}@h/f",
    f"https://{S}@h/f",
    f"https://user:{S}@h:8443/f",
    f"https://user:{S}@[::1]:8443/f",
    f"HTTPS://user:{S}@h/f",
    f"git+https://{S}@h/f#main:sub",
    f"zip+https://u:{S}@h/f",
    f"https://u:a/{S}@h/f",
    f"https://u:a?{S}@h/f",
    f"https://u:a#{S}@h/f",
    f"https://u:a@{S}@h/f",
    f"https://u:{S}",
    f"ssh://git:{S}@h/f",
    f"postgresql://u:{S}@h/f",
    f"docker://u:{S}@h/f",
    f"docker://u:{S}@h:5000/f:1@sha256:{'0' * 64}",
]


@pytest.mark.parametrize("url", SIGNED + CREDENTIALS)
def test_no_secret_of_a_url_is_printed_or_recorded(url: str) -> None:
    """Users, passwords, signatures and tokens go, in every form of the rule, alone and within a text."""
    for redact in (redact_url, redact_record, redact_text):
        redacted = redact(url)
        assert S not in redacted
        assert redact(redacted) == redacted
    assert S not in redact_text(f"it said '{url}', and ({url})")
    assert S not in OvenbirdError(f"{url}: no").message
    if not url.endswith(f":{S}"):
        assert "/f" in redact_url(url)


@pytest.mark.parametrize(
    ("url", "redacted", "in_record"),
    [
        ("https://h/f?version=3", "https://h/f?version=***", "https://h/f?version=3"),
        ("https://h/f?a=1&token=x&b=", "https://h/f?a=***&token=***&b=", "https://h/f?a=1&token=***&b="),
        ("https://h/f?sp=1&se=2", "https://h/f?sp=***&se=***", "https://h/f?sp=1&se=2"),
        ("https://h/f?raw", "https://h/f?***", "https://h/f?raw"),
        ("https://h/@scope/f", "https://h/@scope/f", "https://h/@scope/f"),
        ("git+https://h/r#main:sub", "git+https://h/r#main:sub", "git+https://h/r#main:sub"),
        ("git+https://h/r#v1&subdirectory=a/b", "git+https://h/r#v1&subdirectory=a/b", None),
        ("git+ssh://git@h/r", "git+ssh://git@h/r", "git+ssh://git@h/r"),
        ("s3://bucket/a b?c", "s3://bucket/a b?***", "s3://bucket/a b?c"),
        ("/local/path?x=1", "/local/path?x=1", "/local/path?x=1"),
        ("store://p/dataitem/table/n:id", "store://p/dataitem/table/n:id", None),
        ("docker://app:1.2", "docker://app:1.2", None),
        *(
            (f"docker://{name}@sha256:{'0' * 64}",) * 2 + (None,)
            for name in ("app", "app:1.2", "a/b", "h.example/a/b", "h:5000/a_b:1-x", "[::1]:5000/a")
        ),
        ("docker://app:1.2:", "docker://app:1.2:", None),  # as buildah writes before a reason
        ("https://app:1.2", "https://***", None),
        ("", "", ""),
    ],
)
def test_other_parts_of_a_url_stay(url: str, redacted: str, in_record: str | None) -> None:
    """A record still leads to the file; what is shown has the names of the query only."""
    assert redact_url(url) == redacted
    assert redact_record(url) == (redacted if in_record is None else in_record)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("API_TOKEN", "x", True), ("DB_PASSWORD", "12345678", True), ("AWS_SECRET_ACCESS_KEY", "/ab", True),
        ("TOKENIZERS_PARALLELISM", "false", False), ("MAX_TOKENS", "4096", False), ("TOKEN_FILE", "/run/t", False),
        ("OAUTH2_TOKEN_ENDPOINT", "https://h/t", False), ("LEVEL", "x", False), ("API_TOKEN", "", False),
    ],
)  # fmt: skip
def test_variables_that_are_secrets(name: str, value: str, expected: bool) -> None:
    """By their names, but for places, switches and short numbers."""
    assert is_secret_variable(name, value) is expected


def test_a_value_is_redacted_throughout() -> None:
    """Lists, mappings and their names."""
    value: Any = {f"https://u:{S}@h": [f"x https://h?sig={S}", 1, None, (f"https://{S}@h",)]}
    assert S not in str(redact_values(value))
    assert redact_values(value) == {"https://h": ["x https://h?sig=***", 1, None, ["https://h"]]}


@pytest.mark.parametrize(
    "name",
    ["token", "hf_token", "API_KEY", "apiKey", "password", "dbPassword", "passwd", "pwd", "secret", "client_secret",
     "credentials", "passphrase", "authorization"],
)  # fmt: skip
def test_parameters_of_secret_names_are_masked(name: str) -> None:
    """Names match in any spelling and at any depth; null and booleans are not masked."""
    assert is_secret_name(name)
    parameters = {name: S, "a": [{name: 5}], "n": 1, "u": f"https://u:{S}@h/?v=1"}
    assert mask_parameters(parameters) == {name: "***", "a": [{name: "***"}], "n": 1, "u": "https://h/?v=1"}
    assert mask_parameters({name: None, "use_" + name: True}) == {name: None, "use_" + name: True}


def test_a_record_is_masked_for_people() -> None:
    """Parameters, those of init, inputs; the record that is stored is not touched."""
    record = {"spec": {"parameters": {"token": S}, "init_parameters": {"key": S}, "inputs": {"x": f"https://{S}@h"}},
              "status": {"results": {"url": f"https://u:{S}@h"}}}  # fmt: skip
    assert S not in str(mask_record(record))
    assert record["spec"]["parameters"] == {"token": S}
    variables = [{"name": "API_KEY", "value": S}, {"name": "LEVEL", "value": "3"}, "odd"]
    assert mask_record({"spec": {"envs": variables}})["spec"]["envs"] == [
        {"name": "API_KEY", "value": "***"}, {"name": "LEVEL", "value": "3"}, "odd",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "masked"),
    [
        ("token=abc", "token=***"),
        ("--param=api_key=abc", "--param=api_key=***"),
        ("n=3", "n=3"),
        ("main.py:train", "main.py:train"),
        ('login={"user": "u", "password": "abc"}', 'login={"user": "u", "password": "***"}'),
        ('--init={"token": "abc"}', '--init={"token": "***"}'),
        ('login={"user": "u",  "n": [1]}', 'login={"user": "u",  "n": [1]}'),
        ("data=https://u:abc@host/x.csv?v=1&sig=abc", "data=https://host/x.csv?v=1&sig=***"),
        ("git+https://u:abc@host/r#main", "git+https://host/r#main"),
        ("https://host/x?token=abc", "https://host/x?token=***"),
        ("password=", "password="),
        ("", ""),
    ],
)
def test_a_command_is_recorded_without_secrets(word: str, masked: str) -> None:
    """Values of secret names, also in JSON, and what is secret in URLs are masked; all else stays as it was typed."""
    assert mask_command(["ovenbird", word]) == ["ovenbird", masked]


def test_secrets_are_replaced_the_longest_first() -> None:
    """A secret that is a part of another one leaves nothing of it; short ones would be found in any text."""
    hide = make_redactor(["pass", "password", "abc", ""])
    assert hide("password pass abc") == "*** *** abc"
    assert make_redactor(["abc", ""], shortest=1)("password abc") == "password ***"
    assert make_redactor([])("text") == "text"
