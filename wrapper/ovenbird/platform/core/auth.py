"""Sign calls of the platform: exchange a personal token, refresh an access token, use Basic, or send no credentials."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import PlatformAuthError, PlatformError, PlatformResponseError
from .credentials import (
    ACCESS,
    PASSWORD,
    PERSONAL,
    REFRESH,
    USER,
    CredentialSource,
    list_credential_sources,
    save_tokens,
)

Ask = Callable[[str, Mapping[str, str] | None], Any]
"""Asks an address outside the platform's own (GET, or POST of a form) without signing; the JSON of the answer."""

_NAMES = {"access_token": ACCESS, "refresh_token": REFRESH, "client_id": "DHCORE_CLIENT_ID", "issuer": "DHCORE_ISSUER"}
_TAKEN = ("AWS_", "S3_", "DB_")  # what else a token endpoint may hand out, and storage needs


class TokenManager:
    """The credentials in use. `storage` is the environment for reaching files; it changes when they are renewed."""

    def __init__(self, environ: Mapping[str, str], ask: Ask) -> None:
        self._sources = list_credential_sources(environ)
        self._ask = ask
        self._lock = threading.Lock()
        self._has_exchanged = False
        self._turned: list[CredentialSource] = []  # what was not accepted; it stays secret
        self.storage: dict[str, str] = {**environ, **self._sources[0].values}

    @property
    def _now(self) -> CredentialSource:
        return self._sources[0]

    def forget_threads(self) -> None:
        """Take a new lock, in a forked process."""
        self._lock = threading.Lock()

    def get_setting(self, name: str) -> str:
        """Return a setting of the platform, empty where there is none."""
        return self._now.values.get(name, "")

    def make_header(self) -> str:
        """Return the `Authorization` header; empty text without credentials.

        Errors: PlatformAuthError when neither a personal nor a refresh token is taken; PlatformUnreachableError.
        """
        with self._lock:
            while True:
                values = self._now.values
                basic = values.get(USER) and values.get(PASSWORD)
                try:
                    if values.get(PERSONAL) and not self._has_exchanged:
                        self._exchange()
                    elif values.get(REFRESH) and not (values.get(ACCESS) or basic):
                        self._refresh("the refresh token was not accepted")
                except (PlatformAuthError, PlatformResponseError) as error:
                    self._turn(error.message)
                    continue
                if values.get(ACCESS):
                    return f"Bearer {values[ACCESS]}"
                if basic:
                    return "Basic " + b64encode(f"{values[USER]}:{values[PASSWORD]}".encode()).decode()
                return ""

    def renew(self, used: str) -> None:
        """After the header `used` was not accepted: refresh or exchange, else turn to the credentials file.

        Errors: PlatformAuthError when nothing is left to try; PlatformUnreachableError.
        """
        with self._lock:
            if used != f"Bearer {self._now.values.get(ACCESS)}" and used.startswith("Bearer "):
                return None  # another thread has renewed it meanwhile
            reason = "the credentials are not accepted, and there is nothing to renew them with"
            try:
                if self._now.values.get(PERSONAL):
                    return self._exchange()
                if used.startswith("Bearer ") and self._now.values.get(REFRESH):
                    return self._refresh()
            except (PlatformAuthError, PlatformResponseError) as error:
                reason = error.message
            return self._turn(reason)

    def _turn(self, reason: str) -> None:
        """Use the credentials of the next source. Errors: PlatformAuthError when no source is left."""
        if len(self._sources) == 1:
            raise PlatformAuthError(reason, hint=self._hint())
        previous = self._sources.pop(0)
        self._turned.append(previous)
        self._has_exchanged = False
        for name in previous.values:
            self.storage.pop(name, None)
        self.storage.update(self._now.values)

    def redact(self, text: str) -> str:
        """Return the text without any secret that this process knows."""
        from ...common.redact import make_redactor  # for an error's text alone

        secrets = (secret for source in (*self._turned, *self._sources) for secret in source.secrets)
        return make_redactor(secrets, shortest=1)(text)

    def _hint(self) -> str:
        if not any(self._now.values.get(name) for name in (PERSONAL, ACCESS, REFRESH, USER)):
            return f"set {PERSONAL}, {ACCESS}, or {USER} and {PASSWORD}; or log in, for a credentials file"
        return "log in again, or set new credentials"

    def _refresh(self, refused: str = "the access token has expired, and the refresh token was not accepted") -> None:
        values = self._now.values
        form = {"grant_type": "refresh_token", "refresh_token": values[REFRESH]}
        self._take(self._grant(form, refused))

    def _exchange(self) -> None:
        values = self._now.values
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:pat",
            "subject_token": values[PERSONAL],
        }
        self._take(self._grant(form, "the personal access token was not accepted"))
        self._has_exchanged = True

    def _grant(self, form: dict[str, str], refused: str) -> Mapping[str, Any]:
        values = self._now.values
        if not (client := values.get("DHCORE_CLIENT_ID")):
            raise PlatformAuthError("tokens cannot be renewed: `DHCORE_CLIENT_ID` is not set", hint=self._hint())
        try:
            answer = self._ask(self._find_endpoint(), {**form, "client_id": client, "scope": "credentials"})
        except (PlatformAuthError, PlatformResponseError) as error:
            raise PlatformAuthError(f"{refused}: {error.message}", hint=self._hint()) from None
        if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            raise PlatformAuthError(f"{refused}: the answer holds no access_token", hint=self._hint())
        return answer

    def _find_endpoint(self) -> str:
        values = self._now.values
        if endpoint := values.get("OAUTH2_TOKEN_ENDPOINT"):
            return endpoint
        if not (issuer := values.get("DHCORE_ISSUER")):
            raise PlatformAuthError(
                "tokens cannot be renewed: neither `OAUTH2_TOKEN_ENDPOINT` nor `DHCORE_ISSUER` is set"
            )
        configuration = self._ask(f"{issuer.rstrip('/')}/.well-known/openid-configuration", None)
        if not isinstance(configuration, dict) or not isinstance(configuration.get("token_endpoint"), str):
            raise PlatformError(f"{issuer} does not name its token endpoint", hint="set `OAUTH2_TOKEN_ENDPOINT`")
        return str(configuration["token_endpoint"])

    def _take(self, answer: Mapping[str, Any]) -> None:
        """Use the tokens of an answer, and save them where the credentials came from."""
        named = {_NAMES.get(name, name.upper()): str(value) for name, value in answer.items() if value}
        names = (*_NAMES.values(), *(name for name in named if name.startswith(_TAKEN)))
        tokens = {name: value for name, value in named.items() if name in names}
        self._now.note(tokens)
        self.storage.update(tokens)
        save_tokens(self._now, tokens)
