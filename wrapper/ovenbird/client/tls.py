"""Which certificates of services are trusted."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from ..common.text import show_value
from .errors import ClientError

Verify = bool | str | Path | ssl.SSLContext


def make_tls_context(verify: Verify) -> ssl.SSLContext:
    """Return the TLS context for `verify`: True for the authorities of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR`
    name others), a file or folder of authorities, a context as it is, False to trust anybody.

    Errors: ClientError for a file that holds no certificate.
    """
    if isinstance(verify, ssl.SSLContext):
        return verify
    if isinstance(verify, (str, Path)):
        path = Path(verify)
        try:
            folder = path.is_dir()
            return ssl.create_default_context(
                cafile=None if folder else str(path), capath=str(path) if folder else None
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ClientError(f"`verify`: cannot read certificates from {show_value(str(path))}: {reason}") from None
    if not isinstance(verify, bool):
        raise ClientError(f"`verify` is True, False, a path or an SSLContext, found {type(verify).__name__}")
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif not context.get_ca_certs() and not any(map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR"))):
        try:  # a Python that knows no authorities of the system; folders of these are read on demand
            import certifi
        except ImportError:
            return context
        context.load_verify_locations(certifi.where())
    return context
