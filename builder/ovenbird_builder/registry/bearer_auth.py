"""The `Authorization` of a registry: basic, or a bearer token that its token server gives for one repository.

Spec: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import urllib3

from ovenbird.common.text import show_value

from ..errors import RegistryAuthError, RegistryError
from .auth_config import RegistryLogin


class BearerAuth:
    """What we send to a registry, learnt from its challenges; nothing before it has asked."""

    def __init__(self, pool: urllib3.PoolManager, login: RegistryLogin | None, path: str) -> None:
        """`path` is the repository that tokens are asked for."""
        self._pool, self._login, self._path = pool, login, path
        self._challenge = ""
        self._value = ""
        self._writes = False

    def make_header(self) -> dict[str, str]:
        """Return the header to send, empty while the registry has not asked for one."""
        return {"Authorization": self._value} if self._value else {}

    def keep_challenge(self, challenge: str) -> None:
        """Keep the challenge of a ping; it is answered when the first real request is refused."""
        self._challenge = challenge

    def answer_challenge(self, challenge: str, *, write: bool) -> bool:
        """Answer the challenge of a 401; return False when there is no other answer than the previous one."""
        challenge = challenge or self._challenge
        scheme, _, rest = challenge.partition(" ")
        before = (self._value, self._writes)
        if scheme.lower() == "basic" and self._login:
            self._value = urllib3.make_headers(basic_auth=f"{self._login.user}:{self._login.password}")["authorization"]
        elif scheme.lower() == "bearer":
            self._writes = self._writes or write
            self._value = "Bearer " + self._fetch_token(dict(re.findall(r'(\w+)="([^"]*)"', rest)))
        return (self._value, self._writes) != before

    def _fetch_token(self, challenge: dict[str, str]) -> str:
        """Return a token from the server that the challenge names. Errors: RegistryAuthError, RegistryError."""
        realm = challenge.get("realm", "")
        if not re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]+(/[\x21-\x7e]*)?", realm):
            raise RegistryError(f"the registry names a token server that is not a URL: {show_value(realm[:200])}")
        scope = challenge.get("scope") or f"repository:{self._path}:{'pull,push' if self._writes else 'pull'}"
        if self._writes and ":pull" in scope and "push" not in scope:
            scope += ",push"
        fields = {"service": challenge.get("service", ""), "scope": scope}
        try:
            answer = self._send(realm, fields)
        except urllib3.exceptions.HTTPError as error:
            raise RegistryError(f"cannot reach the token server {show_value(realm)}: {error}") from None
        if answer.status != 200:
            raise RegistryAuthError(
                f"the token server {show_value(realm)} answers {answer.status} for {show_value(scope)}",
                hint="`buildah login REGISTRY`, or `--authfile FILE`",
            )
        try:
            reply = json.loads(answer.data)
            token = reply.get("token") or reply.get("access_token") or ""
        except (ValueError, RecursionError, AttributeError):
            token = None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RegistryError(f"the token server {show_value(realm)} answers with something else than a token")
        return token

    def _send(self, realm: str, fields: dict[str, str]) -> urllib3.BaseHTTPResponse:
        login = self._login
        if login and login.token:  # OAuth2: the identity token is exchanged
            form = {**fields, "grant_type": "refresh_token", "refresh_token": login.token, "client_id": "ovenbird"}
            return self._pool.request("POST", realm, fields=form, encode_multipart=False)
        headers = urllib3.make_headers(basic_auth=f"{login.user}:{login.password}") if login else None
        return self._pool.request("GET", f"{realm}?{urlencode(fields)}", headers=headers)
