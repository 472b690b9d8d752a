"""A handler whose init sets a global."""

STEP = None


def prepare(context, step: int = 1):
    """Set the step."""
    global STEP  # noqa: PLW0603
    STEP = step
    context.step = step


def add(n: int) -> int:
    """Add the step."""
    return n + STEP
