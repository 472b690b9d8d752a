"""The empty handler."""


def handler() -> None:
    """Do nothing."""
