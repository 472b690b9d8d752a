from __future__ import annotations

import pytest

from ovenbird.common.object_storage import describe_error, error_status, s3_config
from ovenbird.errors import InputError, SettingsError


def test_the_platforms_variables_choose_how_buckets_are_addressed() -> None:
    config = s3_config("b", {"AWS_ENDPOINT_URL": "https://minio.example/", "S3_PATH_STYLE": "false"}, SettingsError)
    assert (config["endpoint"], config["virtual_hosted_style_request"]) == ("https://b.minio.example", True)
    config = s3_config("b", {"AWS_ENDPOINT_URL": "http://minio:9000", "S3_SIGNATURE_VERSION": "s3v4"}, SettingsError)
    assert (config["endpoint"], config["virtual_hosted_style_request"]) == ("http://minio:9000", False)


@pytest.mark.parametrize("kind", [SettingsError, InputError])
def test_a_signature_that_is_not_known_is_the_callers_error(kind: type[SettingsError]) -> None:
    with pytest.raises(kind, match="S3_SIGNATURE_VERSION: 's3' is not supported"):
        s3_config("b", {"S3_SIGNATURE_VERSION": "s3"}, kind)


def test_an_endpoint_with_a_port_out_of_range_is_refused() -> None:
    """obstore would panic; the error does not show the password."""
    with pytest.raises(SettingsError, match=r"minio:99999.*its port is out of range") as caught:
        s3_config("b", {"AWS_ENDPOINT_URL": "http://user:word@minio:99999"}, SettingsError)
    assert "word" not in str(caught.value)


def test_credentials_are_passed_on_only_where_set() -> None:
    variables = {
        "AWS_ACCESS_KEY_ID": "AK",
        "AWS_SECRET_ACCESS_KEY": "S",
        "AWS_SESSION_TOKEN": "",
        "AWS_REGION": "eu-south-1",
    }
    assert s3_config("b", variables, SettingsError) == {
        "region": "eu-south-1", "access_key_id": "AK", "secret_access_key": "S", "virtual_hosted_style_request": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message", "answer"),
    [
        ("x status code: 404 Not Found: <Error><Code>NoSuchKey</Code>KEY</Error>",
         "the store answered 404 Not Found (NoSuchKey)", ("404 Not Found", "NoSuchKey")),
        ("Generic error: error sending request for url (http://h/KEY)", "the store cannot be reached", ("", "")),
        ("Generic error: body error\n\nDebug source: KEY", "the connection broke off", ("", "")),
        ("it is odd\nKEY", "it is odd", ("", "")),
    ],
)  # fmt: skip
def test_an_error_is_one_line_without_the_response(text: str, message: str, answer: tuple[str, str]) -> None:
    assert (describe_error(OSError(text)), error_status(OSError(text))) == (message, answer)
