"""Who may call: Bearer tokens that expire, refresh tokens that work once, personal access tokens, Basic, or anybody."""

from __future__ import annotations

import base64
import secrets
import time
from typing import Any

from .entities import Refused

CLIENT = "c_ovenbird"


class Auth:
    """`mode` is `none`, `bearer` or `basic`. Tokens are made by `issue` and by the token endpoint."""

    def __init__(self) -> None:
        self.mode = "none"
        self.lifetime = 3600.0  # seconds
        self.user, self.password = "ann", "s3cret-password"
        self.personal: set[str] = set()
        self.refreshes: set[str] = set()
        self.granted: dict[str, str] = {}  # what a token endpoint hands out beside the tokens: credentials of the store
        self._access: dict[str, float] = {}

    def issue(self, lifetime: float | None = None) -> str:
        """A new access token."""
        token = "at-" + secrets.token_hex(12)
        self._access[token] = time.monotonic() + (self.lifetime if lifetime is None else lifetime)
        return token

    def issue_refresh(self) -> str:
        """A new refresh token; it can be used once."""
        token = "rt-" + secrets.token_hex(12)
        self.refreshes.add(token)
        return token

    def issue_personal(self) -> str:
        """A new personal access token."""
        token = "pat-" + secrets.token_hex(12)
        self.personal.add(token)
        return token

    def revoke(self) -> None:
        """Take back every token there is."""
        self._access.clear()
        self.refreshes.clear()
        self.personal.clear()

    def expire(self) -> None:
        """Let every access token expire now."""
        self._access.clear()

    def check(self, header: str) -> None:
        """Refused 401 unless the Authorization header is good."""
        if self.mode == "none":
            return
        scheme, _, value = header.partition(" ")
        if self.mode == "bearer" and scheme == "Bearer" and self._access.get(value, 0) > time.monotonic():
            return
        if self.mode == "basic" and scheme == "Basic":
            given = base64.b64decode(value).decode()
            if secrets.compare_digest(given, f"{self.user}:{self.password}"):
                return
        # Servers like to repeat what they were given; a client must not put that into its log.
        raise Refused(401, f'{{"error":"Unauthorized","message":"invalid credentials {value}"}}')

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        """The token endpoint: `refresh_token`, or the exchange of a personal access token."""
        if form.get("client_id") != CLIENT:
            raise Refused(401, '{"error":"invalid_client"}')
        grant = form.get("grant_type", "")
        if grant == "refresh_token":
            known, given = self.refreshes, form.get("refresh_token", "")
        elif grant == "urn:ietf:params:oauth:grant-type:token-exchange":
            known, given = self.personal, form.get("subject_token", "")
            if form.get("subject_token_type") != "urn:ietf:params:oauth:token-type:pat":
                raise Refused(400, '{"error":"invalid_request"}')
        else:
            raise Refused(400, '{"error":"unsupported_grant_type"}')
        if given not in known:
            raise Refused(400, f'{{"error":"invalid_grant","error_description":"no such token {given}"}}')
        if grant == "refresh_token":
            self.refreshes.discard(given)
        answer = {"access_token": self.issue(), "refresh_token": self.issue_refresh(), "client_id": CLIENT}
        extra = self.granted if form.get("scope") == "credentials" else {}
        return {**answer, "token_type": "Bearer", "expires_in": int(self.lifetime), **extra}
