"""Say what the context tells, and log it."""

import threading


def init(context):
    context.model = "loaded"


def _told(context):
    context.logger.info_with("counted", number=3, kind="x")
    context.logger.warn("plain %s", "text")
    context.logger.error_with("failed", code=7)
    return {
        "request_id": context.request_id,
        "trace_id": context.trace_id,
        "span_id": context.span_id,
        "traceparent": context.traceparent,
        "model": context.model,
        "worker": context.worker_id,
        "trigger": context.trigger.kind,
        "name": context.name,
        "root": context.root.rpartition("/")[2],
        "project": context.project.name,
        "main_thread": threading.current_thread() is threading.main_thread(),
    }


def handler(context):
    return _told(context)


async def later(context):
    return _told(context)


async def stream(context):
    def items():
        context.logger.info_with("within")
        yield context.request_id

    return items()


def respond(context):
    return context.Response({"a": 1}, headers={"X-A": "1"}, status_code=202)
