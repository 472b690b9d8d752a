"""What both clients share: nothing here sends, waits or reads."""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from ..common.text import show_value
from .address import Address, parse_address
from .answer import Answer, make_status_error
from .arguments import Payload, bind_arguments
from .body import Upload
from .contract import Contract, parse_contract
from .errors import (
    AnswerDecodeError,
    ArgumentsMismatchError,
    ClientError,
    ClientTimeoutError,
    ContractMissingError,
    NotOvenbirdError,
)
from .request import Content, Options, Request, check_options, make_request
from .retry import choose_pause, is_idempotent
from .tls import Verify, make_tls_context

CONTRACT, READY = "/_/openapi.json", "/_/ready"
READY_TIMEOUT = 5.0  # seconds for one question whether a service is ready
_POST = "`post(json=…)` and `post(body=…)` call it without a contract"


class Connections:
    """What a client and its copies with other options share: the connections of a process, and the contract."""

    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        self.address, self.context = address, context
        self.contract: Contract | None = None
        self.is_closed = False
        self._owner: Any = None
        self._transport: Any = None

    def open(self, kind: Any, owner: Any) -> Any:
        """Return the connections of an owner: a process, or an event loop. Another one's are left alone.

        Errors: ClientError after `close`.
        """
        if self.is_closed:
            raise ClientError("the client is closed", hint="call it inside of its `with` block")
        key = (os.getpid(), owner)
        if self._transport is None or self._owner != key:
            self._transport, self._owner = kind(self.address, self.context), key
        return self._transport

    def take(self) -> Any:
        """Return what is to be closed, None if there is nothing. No more is opened."""
        self.is_closed, transport, self._transport = True, self._transport, None
        return transport if self._owner and self._owner[0] == os.getpid() else None


class ClientCore:
    """The parts of a client that send nothing."""

    def __init__(self, url: str, options: Options, verify: Verify) -> None:
        self._options = check_options(options)
        self._shared = Connections(parse_address(url), _choose_tls(url, verify))

    @property
    def url(self) -> str:
        """Return the base URL, without credentials."""
        return self._shared.address.base

    def __repr__(self) -> str:
        return f"{type(self).__name__}({show_value(self.url)})"

    def __getstate__(self) -> Any:
        raise TypeError("a client has connections and credentials, which cannot be pickled: make one in each process")

    def with_options(self, **changes: Any) -> Any:
        """Return this client with other options, such as `timeout`, `retries`, `idempotent` or `headers`.

        It shares connections and contract with this one. `headers` are added to those of this client.
        Errors: ClientError.
        """
        unknown = sorted(set(changes) - set(Options.__struct_fields__))
        if unknown:
            option_names = ", ".join(Options.__struct_fields__)
            raise ClientError(
                f"there is no option {', '.join(map(show_value, unknown))}", hint=f"known: {option_names}"
            )
        if "headers" in changes:
            changes["headers"] = {**self._options.headers, **changes["headers"]}
        client = object.__new__(type(self))
        client._shared = self._shared
        client._options = check_options(msgspec.structs.replace(self._options, **changes))
        return client

    def _request_for(
        self, method: str, path: str, payload: Payload, headers: Mapping[str, str] | None = None
    ) -> Request:  # fmt: skip
        if not re.fullmatch("[A-Z]{1,20}", method):
            raise ClientError(f"{show_value(method)} is no method of HTTP")
        return make_request(self._shared.address, self._options, method, path, payload, headers or {})

    def _request_by_content(
        self, method: str, path: str, content: Mapping[str, Any], headers: Mapping[str, str] | None
    ) -> Request:  # fmt: skip
        unknown = sorted(set(content) - set(Content.__struct_fields__))
        if unknown:
            raise ArgumentsMismatchError(
                f"a request has no {', '.join(map(show_value, unknown))}",
                hint=f"it has {', '.join(f'`{name}=`' for name in Content.__struct_fields__)} and `headers=`",
            )
        parts = Content(**content)
        return self._request_for(method.upper(), parts.add_query(path), parts.make_payload(), headers)

    def _request_by_contract(self, contract: Contract, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request:
        return self._request_for("POST", "", bind_arguments(contract, args, kwargs))

    def _deadline(self) -> float | None:
        return None if self._options.timeout is None else time.monotonic() + self._options.timeout

    def _pause(
        self, outcome: Answer | ClientError, attempt: int, request: Request, deadline: float | None
    ) -> float | None:  # fmt: skip
        """Return the seconds to wait before the request is sent again; None when the outcome stands."""
        if attempt >= self._options.retries:
            return None
        body = request.body
        pause = choose_pause(
            outcome, attempt,
            idempotent=is_idempotent(request.method, self._options.idempotent),
            repeatable=not isinstance(body, Upload) or body.is_repeatable,
        )  # fmt: skip
        return pause if pause is None or deadline is None or time.monotonic() + pause < deadline else None

    def _check(self, answer: Answer, request: Request) -> Answer:
        """Return an answer that is a success. Errors: StatusError."""
        if 200 <= answer.status < 300:
            return answer
        raise make_status_error(answer, request.where, request.hide, self._options.error_types)

    def _keep_contract(self, answer: Answer, request: Request) -> Contract:
        """Read the contract from an answer, and keep it.

        Errors: ContractMissingError, NotOvenbirdError, StatusError.
        """
        kind = answer.media_type
        if answer.status == 404 and kind == "application/problem+json":
            raise ContractMissingError(f"{request.where}: the service publishes no contract here", hint=_POST)
        if answer.status in (401, 403, 429) or answer.status >= 500 or 300 <= answer.status < 400:
            self._check(answer, request)
        try:
            if answer.status != 200:
                raise ValueError(f"it answered {answer.status}, {kind or 'without a media type'}")
            contract = parse_contract(answer.json())
        except (ValueError, AnswerDecodeError) as error:
            raise NotOvenbirdError(
                f"{request.where}: this is no contract of an Ovenbird service: {request.hide(str(error))}",
                hint=f"is the base path right? {_POST}",
            ) from None
        self._shared.contract = contract
        return contract

    def _is_ready(self, answer: Answer, request: Request) -> tuple[bool, str]:
        """Return whether the answer of the probe says ready, and what it says instead. Errors: StatusError."""
        members = answer.members
        if answer.status in (200, 503) and isinstance(members.get("status"), str):
            return answer.status == 200, str(members.get("reason") or members.get("detail") or members["status"])
        if answer.status in (429, 502, 503, 504):  # a proxy whose service has not started
            return False, f"it was answered {answer.status}"
        self._check(answer, request)
        raise NotOvenbirdError(f"{request.where}: this is no answer of an Ovenbird service, {show_value(answer)}")


def _choose_tls(url: str, verify: Verify) -> ssl.SSLContext | None:
    """Return the TLS context; None where none is used, as making it takes a while. Errors: ClientError."""
    is_secure = isinstance(url, str) and url.strip().lower().startswith("https:")
    return make_tls_context(verify) if is_secure or not isinstance(verify, bool) else None


def not_ready_error(url: str, timeout: float, reason: str) -> ClientTimeoutError:
    """Return the error for a service that has not become ready in time."""
    return ClientTimeoutError(f"{url} was not ready within {timeout:g} seconds: {reason}")


def missing_package_error(package: str) -> ClientError:
    """Return the error for a package that a client needs."""
    from ..common.install_hint import format_install_command

    return ClientError(
        f"a client needs the package `{package}`, which is not installed", hint=format_install_command("client")
    )
