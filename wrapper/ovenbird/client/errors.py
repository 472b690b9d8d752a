"""What a call of a service can end with: one base class, and one class for each kind of answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import OvenbirdError


class ClientError(OvenbirdError):
    """A call of a service has failed; the subclasses say why."""

    code = "client"

    def __reduce__(self) -> Any:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[ClientError], args: tuple[Any, ...], state: dict[str, Any]) -> ClientError:
    """Return an error that another process has sent, without what its constructor asks for."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ArgumentsMismatchError(ClientError, TypeError):
    """The arguments do not fit the contract of the service. Nothing was sent."""

    code = "client.arguments"


class NotOvenbirdError(ClientError):
    """The other end is no service of Ovenbird's, or the base path is wrong."""

    code = "client.not_ovenbird"


class ContractMissingError(ClientError):
    """The service publishes no contract at this address."""

    code = "client.contract"


class ConnectionFailedError(ClientError, ConnectionError):
    """No connection could be made, so nothing was sent."""

    code = "client.connection"


class CertificateError(ConnectionFailedError):
    """The certificate of the service is not trusted, so nothing was sent."""

    code = "client.certificate"


class AnswerInterruptedError(ClientError, ConnectionError):
    """The connection ended before the answer did. The call may have been executed."""

    code = "client.interrupted"


class ClientTimeoutError(ClientError, TimeoutError):
    """The time of the call was up. It may have been executed."""

    code = "client.timeout"


class AnswerDecodeError(ClientError, ValueError):
    """The answer is not what its media type says."""

    code = "client.answer"


class FieldError(NamedTuple):
    """A field that does not fit: its name, and what is wrong with it."""

    field: str
    message: str


class StatusError(ClientError):
    """The service answered with a status that is no success.

    `status`, `title`, `detail`, `type` and `errors` are those of the problem document; `members` is all of it.
    `retry_after` is in seconds, None without the header. `error_id` finds the record in the log of the service.
    """

    code = "client.status"

    def __init__(
        self, message: str, status: int, members: Mapping[str, Any], headers: Mapping[str, str], body: bytes
    ) -> None:
        super().__init__(message)
        self.status = status
        self.members, self.headers, self.body = dict(members), dict(headers), body
        self.title, self.detail, self.type = (_text_of(members, name) for name in ("title", "detail", "type"))
        self.error_id = _text_of(members, "error_id")
        self.errors = list_field_errors(members)
        self.retry_after: float | None = None


def _text_of(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""


def list_field_errors(members: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """Return the errors of fields in a problem document; those of another form are left out."""
    errors = members.get("errors")
    return tuple(
        FieldError(str(error["field"]), str(error.get("message", "")))
        for error in (errors if isinstance(errors, list) else ())
        if isinstance(error, dict) and "field" in error
    )


class RedirectedError(StatusError):
    """The service points to another address. It is not followed: credentials could go to a stranger."""

    code = "client.redirected"


class RefusedError(StatusError):
    """The request was refused (4xx); sending it again does not help."""

    code = "client.refused"


class MalformedRequestError(RefusedError):
    """400: the request cannot be parsed."""


class UnauthorizedError(RefusedError):
    """401: a key is missing, or is not accepted."""


class ForbiddenError(RefusedError):
    """403: the key does not allow this."""


class NotFoundError(RefusedError):
    """404: there is nothing at this path, or the function did not find what it was asked for."""


class ConflictError(RefusedError):
    """409: the request conflicts with the state of the service."""


class TooLargeError(RefusedError):
    """413: the body is larger, or holds more, than the service accepts."""


class MediaTypeError(RefusedError):
    """415: the media type, charset or content encoding is not supported."""


class InvalidFieldsError(RefusedError):
    """422: fields are missing, unknown or do not convert; `errors` names each."""


class TooManyCallsError(RefusedError):
    """429: too many calls; `retry_after` says when to try again."""


class ServiceError(StatusError):
    """The service failed (5xx)."""

    code = "client.service"


class FunctionFailedError(ServiceError):
    """500: the function raised; `error_id` finds the reason in the log of the service."""


class UnavailableError(ServiceError):
    """503: the service starts, ends or has too much to do; `retry_after` says when to try again."""


class TimeLimitError(ServiceError):
    """504: the call ran over the time limit of the service."""


_BY_STATUS: dict[int, type[StatusError]] = {
    400: MalformedRequestError, 401: UnauthorizedError, 403: ForbiddenError, 404: NotFoundError, 409: ConflictError,
    413: TooLargeError, 415: MediaTypeError, 422: InvalidFieldsError, 429: TooManyCallsError, 500: FunctionFailedError,
    503: UnavailableError, 504: TimeLimitError,
}  # fmt: skip
_BY_CLASS: dict[int, type[StatusError]] = {3: RedirectedError, 4: RefusedError, 5: ServiceError}


def class_of_status(status: int) -> type[StatusError]:
    """Return the class of the error for a status."""
    return _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, StatusError)
