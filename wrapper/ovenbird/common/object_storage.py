"""Object stores through obstore, as a run and a build both meet them: configuration, download, what an error means."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import IO, Any

from ..errors import OvenbirdError
from .redact import redact_text, redact_url
from .text import show_value
from .url_port import PORT_HINT, describe_bad_port

_BLOCK = 1024 * 1024
_ATTEMPTS = 4
UNREACHABLE = "the store cannot be reached"
_STATUS = re.compile(r"status code: (\d{3}[^:\n]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")


def s3_config(bucket: str, environ: Mapping[str, str], error: type[OvenbirdError]) -> dict[str, Any]:
    """Return obstore's configuration of a bucket, from the platform's variables.

    Errors: `error` for what is not supported.
    """
    config: dict[str, Any] = {"region": environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"}
    for name in ("access_key_id", "secret_access_key", "session_token"):
        if value := environ.get(f"AWS_{name.upper()}"):
            config[name] = value
    signature = environ.get("S3_SIGNATURE_VERSION", "").lower()
    if signature not in ("", "s3v4", "v4", "4", "unsigned"):
        raise error(
            f"S3_SIGNATURE_VERSION: {show_value(signature)} is not supported",
            hint="s3v4, or unsigned for a public bucket",
        )
    if signature == "unsigned":
        config["skip_signature"] = True
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or environ.get("S3_ENDPOINT_URL")
    virtual = environ.get("S3_PATH_STYLE", "").lower() in ("false", "0", "no", "off")
    if endpoint:
        if reason := describe_bad_port(endpoint):  # for which obstore would panic
            raise error(
                f"the endpoint of the object store {show_value(redact_url(endpoint))}: {reason}", hint=PORT_HINT
            )
        scheme, _, host = endpoint.rstrip("/").partition("://")
        config["endpoint"] = f"{scheme}://{bucket}.{host}" if virtual else f"{scheme}://{host}"
    config["virtual_hosted_style_request"] = virtual
    return config


def download(store: Any, key: str, file: IO[bytes], moved: Callable[[int], object]) -> None:
    """Write an object to `file`, going on where the body broke off, of the same version only.

    `moved` hears of each try and of the bytes of each block; what it raises ends the download. Errors: obstore's.
    """
    import obstore
    from obstore.exceptions import GenericError

    etag: str | None = None
    for attempt in range(_ATTEMPTS):
        moved(0)
        try:
            start = file.tell()
            options: Any = {"range": {"offset": start}, "if_match": etag} if start else {}
            answer = obstore.get(store, key, options=options)
            etag = answer.meta["e_tag"]
            for block in answer.stream(min_chunk_size=_BLOCK):
                file.write(block)
                moved(len(block))
            return
        except GenericError as error:
            if "body error" not in str(error) or attempt == _ATTEMPTS - 1:
                raise
            if etag is None:
                file.seek(0)
                file.truncate()
            time.sleep(0.2 * 4**attempt)


def error_status(error: BaseException) -> tuple[str, str]:
    """Return the status of the store's response, as `404 Not Found`, with its own code; empty without a response."""
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    return (status[1].strip() if status else "", code[1] if code else "")


def describe_error(error: BaseException) -> str:
    """Return the reason for a failure in one line. The response's body, which may repeat a credential, is left out."""
    status, code = error_status(error)
    if status:
        return f"the store answered {status}" + (f" ({code})" if code else "")
    if isinstance(error, FileNotFoundError):
        return "it does not exist"
    text = str(error).partition("\n\nDebug source")[0]
    if "body error" in text:
        return "the connection broke off"
    return UNREACHABLE if "error sending request" in text else redact_text(text.partition("\n")[0])[:200]
