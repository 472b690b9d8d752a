"""Who may use the page: hosts and origins against DNS rebinding and other sites, a token, strict headers."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .browser_start import format_redirect
from .console import Console
from .error_pages import make_error_page

_SAFE = ("GET", "HEAD")
# pages for which the code of any target is imported, or any registry is asked with this user's credentials
_ACTING = ("/function", "/function/contract", "/run", "/image", "/image/facts", "/image/packages")
_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
# A page that serves stored HTML in a sandboxed frame sets its own policy, which is then left as it is.
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def make_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(24)


class SecurityMiddleware:
    """Refuses what does not come from this page's own user, and adds the headers to every answer."""

    def __init__(self, app: ASGIApp, console: Console) -> None:
        self._app = app
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message))
            await send(message)

        answer = _refuse(Request(scope), self._console) or self._app
        await answer(scope, receive, send_with_headers)


def _refuse(request: Request, console: Console) -> Response | None:
    """Return the answer to a request that does not reach a page, None for one that does."""
    headers = request.headers
    if not is_trusted_host(headers.get("host", "")):
        return make_error_page(
            request, 421, "This page is reached by the address of this machine",
            "The request names another host, as a page that misuses your browser would.", bare=True,
        )  # fmt: skip
    if request.method not in _SAFE and not is_same_origin(headers):
        return make_error_page(
            request, 403, "This request comes from another page", "Nothing has been changed.", bare=True
        )
    if request.method in _SAFE and is_foreign_load(headers, request.scope["path"]):
        return make_error_page(
            request, 403, "This request comes from another page", "Open the address in a tab of its own.", bare=True
        )
    if has_token(headers, console):
        return _drop_token(request) if request.method == "GET" else None
    if request.method == "GET" and _is_token(request.query_params.get("token", ""), console):
        return _drop_token(request, console)
    return make_error_page(
        request, 403, "This page needs the address that the terminal shows",
        "Open the address that `ovenbird ui` has printed: it holds the token that lets you in.", bare=True,
    )  # fmt: skip


def _drop_token(request: Request, console: Console | None = None) -> Response | None:
    """Return what leads to the same page without the token, which then stays in no history; None without one.

    Browsers send no strict cookie along a redirect that another site, or a file, has led to: then a page leads on.
    """
    pairs = parse_qsl(request.url.query, keep_blank_values=True)
    rest = [pair for pair in pairs if pair[0] != "token"]
    if len(rest) == len(pairs):
        return None
    path = "/" + request.url.path.lstrip("/")  # `//host` would be another site
    url = f"{path}?{urlencode(rest)}" if rest else path
    origin = request.headers.get("sec-fetch-site", "cross-site")  # not sent to an address of another machine
    response: Response = RedirectResponse(url, status_code=303)
    if origin == "cross-site":
        response = HTMLResponse(format_redirect(url))
    if console is not None:
        response.set_cookie(console.cookie, console.token, httponly=True, samesite="strict", path="/")
    return response


def is_trusted_host(host: str) -> bool:
    """Return whether a `Host` is an address, `localhost` or this machine's name: no name that others can point here."""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if name.lower() in ("localhost", socket.gethostname().lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_same_origin(headers: Headers) -> bool:
    """Return whether a browser says that this page itself has sent the request: by `Origin`, which all send."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    return headers.get("origin", "").lower() == f"http://{headers.get('host', '')}".lower()


def is_foreign_load(headers: Headers, path: str) -> bool:
    """Return whether another site, or another port, loads a part of this page, or leads to one that does something.

    A strict cookie is sent for other ports of this host too. To lead to any other page is harmless.
    """
    if headers.get("sec-fetch-site") not in ("same-site", "cross-site"):
        return False
    return headers.get("sec-fetch-mode") != "navigate" or path in _ACTING


def has_token(headers: Headers, console: Console) -> bool:
    """Return whether the cookie of this page holds the token."""
    return _is_token(cookie_parser(headers.get("cookie", "")).get(console.cookie, ""), console)


def _is_token(text: str, console: Console) -> bool:
    return hmac.compare_digest(text.encode("utf-8", "replace"), console.token.encode())


def _add_headers(headers: MutableHeaders) -> None:
    own_policy = "content-security-policy" in headers
    for name, value in _HEADERS.items():
        if name == "X-Frame-Options" and own_policy:
            continue  # its policy says who may frame it
        headers.setdefault(name, value)
