"""Handlers in a package: a function, a class, a method of an object."""

from .words import HELLO


def fn(name: str) -> str:
    """Greet."""
    return f"{HELLO} {name}"


class Greeter:
    """Greets."""

    def __init__(self, word: str = HELLO) -> None:
        self.word = word

    def __call__(self, name: str) -> str:
        """Greet."""
        return f"{self.word} {name}"

    def twice(self, name: str) -> str:
        """Greet two times."""
        return f"{self.word} {name} {name}"


greeter = Greeter("hola")
