"""The HTTP client for dulwich: our connection pool, and credentials for the source's server only."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from dulwich.client import AbstractHttpGitClient, default_user_agent_string

from ...common.git_url import GitSource
from ...common.source_url import Credentials
from ...errors import LoadError
from ...platform.storage import http_pool

_REDIRECTS = 5
_CONNECT, _QUIET = 10.0, 30.0  # seconds to connect, and between two bytes


class GitHttpClient(AbstractHttpGitClient):
    """Dulwich's client over our connection pool.

    Credentials are sent on demand, and only to the server of the source.
    """

    def __init__(self, source: GitSource, login: Credentials | None, environ: Mapping[str, str], limit: float) -> None:
        super().__init__(source.url, thin_packs=False)
        urllib3 = http_pool.import_urllib3()
        retries = urllib3.Retry(
            total=6, connect=3, read=1, status=3, redirect=0, other=0, backoff_factor=0.2, raise_on_status=False,
            status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None, respect_retry_after_header=False,
        )  # fmt: skip
        self._pool = http_pool.make_pool(
            http_pool.find_proxy(source.url, http_pool.list_proxies(environ)), retries=retries,
            timeout=urllib3.Timeout(connect=min(_CONNECT, limit), read=min(_QUIET, limit)),
            ca_certs=environ.get("GIT_SSL_CAINFO") or None,
        )  # fmt: skip
        self._git_source, self._login, self._needs_login = source, login, False

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _http_request(  # type: ignore[override]  # what may follow `data` differs between versions
        self, url: str, headers: Any = None, data: Any = None, **_: Any
    ) -> Any:
        """Send a request and return the response; retry with credentials if it is refused. Errors: LoadError."""
        parts = urlsplit(url)
        ours = self._login is not None and f"{parts.scheme}://{parts.netloc}" == self._git_source.origin
        answer, final_url = self._send(url, headers, data, signed=ours and self._needs_login)
        # some servers answer 404 for private repositories
        if answer.status in (401, 404) and ours and not self._needs_login:
            answer.close()
            self._needs_login = True
            answer, final_url = self._send(url, headers, data, signed=True)
        kind = answer.headers.get("Content-Type") or ""
        if answer.status != 200 or not kind.startswith("application/x-git-"):
            answer.close()
            raise self._describe_refusal(answer.status, kind)
        answer.content_type = kind
        answer.redirect_location = final_url if final_url != url else ""
        return answer, answer.read

    def _send(
        self, url: str, headers: Mapping[str, str] | None, data: Any, *, signed: bool
    ) -> tuple[Any, str]:  # fmt: skip
        """Send a request, follow redirects, and return the response and its URL. Errors: LoadError."""
        sent_headers = {"User-Agent": default_user_agent_string(), "Pragma": "no-cache", **(headers or {})}
        if signed and self._login:
            pair = f"{self._login.username}:{self._login.password}"
            sent_headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        method = "GET" if data is None else "POST"
        for _ in range(_REDIRECTS + 1):
            answer = self._pool.request(
                method, url, headers=sent_headers, body=data, preload_content=False, redirect=False
            )  # fmt: skip
            location = answer.get_redirect_location()
            if not location:
                return answer, url
            answer.close()
            before, url = urlsplit(url), _resolve_redirect(url, location)
            if (before.scheme, before.netloc) != urlsplit(url)[:2]:
                sent_headers.pop("Authorization", None)
            if answer.status == 303:
                method, data = "GET", None
        raise LoadError(f"its server redirects more than {_REDIRECTS} times")

    def _describe_refusal(self, status: int, kind: str) -> LoadError:
        """Return the LoadError for a response without git data."""
        names = "`GIT_TOKEN`, `GIT_USERNAME` and `GIT_PASSWORD`, or `.netrc`, give credentials"
        if status in (401, 403):
            return LoadError(f"its server {'refuses the' if self._needs_login else 'asks for'} credentials", hint=names)
        if status == 404:
            return LoadError("its server has no such repository", hint=f"a private one may be hidden: {names}")
        if status == 200:
            return LoadError(f"its server answers with {kind or 'nothing'}, and not as one of git does")
        return LoadError(f"its server answered {status}")


def _resolve_redirect(url: str, location: str) -> str:
    """Return the target of a redirect from `url`. Errors: LoadError if it is not HTTP(S), or leaves HTTPS."""
    try:
        target = urljoin(url, location)
        parts = urlsplit(target)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        fit = False
    if not fit:
        raise LoadError("its server redirects to something else than a plain `http://` or `https://` address")
    if url.startswith("https:") and parts.scheme != "https":
        raise LoadError("its server redirects away from HTTPS")
    return target
