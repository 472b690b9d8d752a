"""A batch of CloudEvents in one request: a call of the handler for each, and one answer for all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..function.binder import PayloadValidationError
from ..function.cloudevent import MalformedEvent
from .answer_sender import AnswerSender
from .call import HttpCall
from .observability.failures import FailureReporter
from .problem_details import HttpProblem
from .request.binder import Keywords, RequestBinder, translate_error
from .response.json_encode import encode
from .response.model import HttpResponse

RunHandler = Callable[[HttpCall, Keywords], Awaitable[HttpResponse | None]]


async def answer_batch(
    call: HttpCall, binder: RequestBinder, run: RunHandler, sender: AnswerSender, failures: FailureReporter
) -> HttpResponse:
    """Call the handler for each event of a batch, in order, and return an answer with one outcome for each."""
    outcomes = []
    for event in call.events:
        outcome: dict[str, Any] = {"id": event.id, "source": event.source}
        try:
            if isinstance(event, MalformedEvent):
                raise HttpProblem(400, event.reason)
            reply = await run(call, binder.bind_event(call, event))
            assert reply is not None
            if reply.stream is not None:
                await sender.send_stream(call, reply, None)
            outcome["status"] = reply.status
        except PayloadValidationError as error:
            outcome |= {"status": 422, **translate_error(error).extra}
        except HttpProblem as error:
            outcome |= {"status": error.status, "detail": error.detail}
        except BaseException as error:
            if call.reason is not None:
                raise
            failures.record(call, error)
            outcome |= {"status": 500, "error_id": call.error_id}
            call.error_id = ""
        outcomes.append(outcome)
    body = encode(outcomes)
    status = 200 if all(outcome["status"] < 400 for outcome in outcomes) else 207
    return HttpResponse(status, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))], body)
