"""Where packages come from: URLs of indexes and what they ask for; credentials stay in one file that is removed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from ovenbird.common import source_url
from ovenbird.common.redact import redact_url
from ovenbird.common.source_url import Credentials
from ovenbird.common.text import show_value
from ovenbird.common.url_port import PORT_HINT, describe_bad_port
from ovenbird.errors import SourceUrlError

from ..containers.pip_conf import write_pip_conf
from ..errors import BuildRequestError, PackageIndexError

PYPI = "https://pypi.org/simple"


@dataclass(frozen=True, slots=True)
class PackageIndexes:
    """The main index and further ones, without credentials; `passwords` holds those, by URL."""

    main: str = PYPI
    extra: tuple[str, ...] = ()
    passwords: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False, compare=False)

    def list_urls(self) -> tuple[str, ...]:
        """Return all URLs, without credentials."""
        return (self.main, *self.extra)

    def list_secrets(self) -> tuple[str, ...]:
        """Return the texts that must never be shown."""
        return tuple(form for _, word in self.passwords.values() if word for form in (word, quote(word, safe="")))

    @contextlib.contextmanager
    def write_config(self) -> Iterator[Path]:
        """Yield a pip.conf with the credentials, readable by its owner alone and removed at the end."""
        with write_pip_conf(self._with_password(self.main), [self._with_password(url) for url in self.extra]) as path:
            yield path

    def make_uv_variables(self) -> dict[str, str]:
        """Return the same as variables for uv, which reads no pip.conf."""
        variables = {"UV_DEFAULT_INDEX": self._with_password(self.main)}
        return variables | ({"UV_INDEX": " ".join(map(self._with_password, self.extra))} if self.extra else {})

    def _with_password(self, url: str) -> str:
        if url not in self.passwords:
            return url
        user, word = self.passwords[url]
        parts = urlsplit(url)
        login = quote(user, safe="") + (f":{quote(word, safe='')}" if word else "")
        return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


def read_indexes(
    main: str, extra: Iterable[str], environ: Mapping[str, str], *, contacted: bool = True
) -> PackageIndexes:
    """Return the caller's indexes: flags, else `OVENBIRD_INDEX_URL` and `OVENBIRD_EXTRA_INDEX_URL` (by spaces).

    `${NAME}` in a URL stands for a variable of the environment; without a user in the URL, `.netrc` is asked.
    A variable that is not set is empty where no index is to be contacted: its URL is only compared.
    Errors: BuildRequestError for what is not a URL of an index.
    """
    urls: list[str] = []
    passwords: dict[str, tuple[str, str]] = {}
    more = list(extra) or environ.get("OVENBIRD_EXTRA_INDEX_URL", "").split()
    first = main or environ.get("OVENBIRD_INDEX_URL", "") or PYPI
    for flag, text in (("--index-url", first), *(("--extra-index-url", text) for text in more)):
        url, login = _split_credentials(flag, text, environ, contacted)
        urls.append(url)
        if login:
            passwords[url] = login
    return PackageIndexes(urls[0], tuple(urls[1:]), passwords)


def _split_credentials(
    flag: str, text: str, environ: Mapping[str, str], contacted: bool
) -> tuple[str, tuple[str, str] | None]:
    """Return the URL without credentials, and these."""

    def value(match: re.Match[str]) -> str:
        if contacted and match[1] not in environ:
            raise PackageIndexError(
                f"{flag}: {show_value(redact_url(text))} names the variable `{match[1]}`, which is not set"
            )
        return environ.get(match[1], "")

    full = re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", value, text.strip())
    if full.startswith(("http://", "https://")) and (reason := describe_bad_port(full)):
        raise BuildRequestError(f"{flag}: no index can be at {show_value(redact_url(text))}: {reason}", hint=PORT_HINT)
    try:
        parts = urlsplit(full)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https", "file") or (parts.scheme != "file" and not host) or re.search(r"\s", full):
        redacted = redact_url(text)
        raise BuildRequestError(f"{flag}: expected `https://HOST/PATH`, found {show_value(redacted)}")
    url = source_url.strip_credentials(parts._replace(query="")).rstrip("/")
    login = source_url.url_credentials(parts) if parts.username else _read_netrc(host, environ)
    return url, (login.username, login.password) if login else None


def _read_netrc(host: str, environ: Mapping[str, str]) -> Credentials | None:
    """Return the credentials that `.netrc` has for a host; None for a file that cannot be read."""
    try:
        return source_url.netrc_login(host, environ)
    except SourceUrlError:
        return None
