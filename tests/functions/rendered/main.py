"""A user's functions, as they are written for the platform: a job, and a service with state."""

import time


def init(context, greeting="hello"):
    context.greeting = greeting
    context.calls = 0


def serve(context, event):
    context.calls += 1
    context.logger.info_with("served", path=event.path, calls=context.calls)
    if event.path == "/fails":
        raise ValueError("no such thing")
    if event.path == "/teapot":
        return context.Response(body="short and stout", content_type="text/plain", status_code=418)
    name = event.fields.get("name") or (event.body["name"] if isinstance(event.body, dict) else event.body.decode())
    return {"text": f"{context.greeting}, {name}", "method": event.method, "agent": event.headers["User-Agent"]}


def add(a, b=1):
    return a + b


def nap():
    print("asleep", flush=True)
    time.sleep(600)
