"""init takes typed parameters; the handler sees what it set."""

from datetime import date

START = None
print("noise on import")


def init(context, start: date, label: str = "none"):
    global START  # noqa: PLW0603
    START = start
    context.label = label


def handler(context, days: int):
    print("noise on stdout")
    return {"start": START, "label": context.label, "days": days}
