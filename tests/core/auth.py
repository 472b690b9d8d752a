"""Authentication: expiring bearer tokens, single-use refresh tokens, personal access tokens, Basic, or none."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from typing import Any

from .refusals import Refused, forbidden, refused

CLIENT = "admin"
_INVALID = (
    'Bearer error="invalid_token", error_description="An error occurred while attempting to decode the Jwt", '
    'error_uri="https://tools.ietf.org/html/rfc6750#section-3.1"'
)


class Auth:
    """`mode` is `none`, `bearer` (tokens only) or `basic` (and tokens too).

    Tokens are made by `issue` and by the token endpoint.
    """

    def __init__(self) -> None:
        self.mode = "none"
        self.lifetime = 3600.0  # seconds
        self.user, self.password = "admin", "s3cret-password"
        self.personal: set[str] = set()
        self.refreshes: set[str] = set()
        self.granted: dict[str, str] = {}  # what a token endpoint hands out beside the tokens: credentials of the store
        self._access: dict[str, float] = {}

    def issue(self, lifetime: float | None = None) -> str:
        """Return a new access token."""
        token = "at-" + secrets.token_hex(12)
        self._access[token] = time.monotonic() + (self.lifetime if lifetime is None else lifetime)
        return token

    def issue_refresh(self) -> str:
        """Return a new refresh token; it can be used once."""
        token = "rt-" + secrets.token_hex(12)
        self.refreshes.add(token)
        return token

    def issue_personal(self) -> str:
        """Return a new personal access token."""
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

    def check(self, header: str, path: str) -> None:
        """Raise Refused unless the Authorization header is valid: 401 for an invalid token, else 403."""
        if self.mode == "none":
            return
        scheme, _, value = header.partition(" ")
        if scheme == "Bearer":
            if self._access.get(value, 0) > time.monotonic():
                return
            raise Refused(401, "", {"WWW-Authenticate": _INVALID})
        if not (self.mode == "basic" and self._is_user(header)):
            raise forbidden(path)

    def _is_user(self, header: str) -> bool:
        scheme, _, value = header.partition(" ")
        try:
            text = base64.b64decode(value).decode() if scheme == "Basic" else ""
        except (binascii.Error, UnicodeDecodeError):
            return False
        return secrets.compare_digest(text.encode(), f"{self.user}:{self.password}".encode())

    def token(self, form: dict[str, str], header: str, issuer: str) -> dict[str, Any]:
        """Serve the token endpoint: client credentials, `refresh_token`, or the exchange of a personal access token."""
        grant = form.get("grant_type", "")
        answer: dict[str, Any] = {
            "token_type": "Bearer", "access_token": "", "id_token": "it-" + secrets.token_hex(8),
            "expires_in": int(self.lifetime), "client_id": CLIENT, "issuer": issuer,
        }  # fmt: skip
        if grant == "client_credentials":
            if not self._is_user(header):
                raise forbidden("/auth/token")
            return {**answer, "access_token": self.issue()}
        if grant not in ("refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"):
            raise refused("invalid or unsupported grant type")
        if form.get("client_id") != CLIENT:
            raise refused("invalid or missing client_id")
        if grant == "refresh_token":
            if (refresh_token := form.get("refresh_token", "")) not in self.refreshes:
                raise Refused(400, "Refresh token does not exist")
            self.refreshes.discard(refresh_token)
            answer["refresh_token"] = self.issue_refresh()
        else:
            if form.get("subject_token_type") != "urn:ietf:params:oauth:token-type:pat":
                raise refused("invalid or missing subject_token_type")
            if form.get("subject_token") not in self.personal:
                raise refused("invalid or missing subject_token")
            answer["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"  # a type
        if form.get("scope") == "credentials":
            answer |= {"container_registry_password": "", "container_registry_username": "", "dh_projects": ""}
            answer |= self.granted
        return {**answer, "access_token": self.issue()}

    def personal_token(self, issuer: str) -> dict[str, Any]:
        """Issue a personal token, as the console does."""
        token = self.issue_personal()
        return {
            "token_type": "Bearer", "access_token": token, "expires_in": 3600, "client_id": CLIENT, "issuer": issuer,
        }  # fmt: skip
