"""What objects of the API show of themselves in a notebook: a card, as HTML and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..display.card import Card


class CardDisplay:
    """An object that notebooks show as a card."""

    def _make_card(self) -> Card:
        """Return what is shown of it."""
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        """Return what a notebook shows of it, by media type."""
        from ..display.show_bundle import make_bundle

        return make_bundle(self._make_card())

    def _repr_html_(self) -> str:
        """Return the same as HTML."""
        return self._repr_mimebundle_()["text/html"]
