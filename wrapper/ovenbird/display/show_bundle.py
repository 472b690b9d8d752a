"""The forms in which a notebook may ask for a card."""

from __future__ import annotations

from .card import Card
from .html_card import render_html
from .text_card import render_text


def make_bundle(card: Card) -> dict[str, str]:
    """Return a card by media type, as `_repr_mimebundle_` returns it."""
    return {"text/html": render_html(card), "text/plain": render_text(card)}
