"""Hide what is secret in the commands of a plan: they are the user's own words, and a value may stand in them."""

from __future__ import annotations

from collections.abc import Callable

from ovenbird.common.redact import make_redactor, redact_text

from ..request.build_request import BuildRequest


def make_plan_redactor(request: BuildRequest) -> Callable[[str], str]:
    """Return a function that hides secrets in a text.

    They are the values of the build's own secrets, logins in URLs, and tokens whose form is well known.
    """
    hide = make_redactor(
        (*(text for secret in request.secrets for text in secret.texts), *request.network.list_secrets())
    )

    def redact(text: str) -> str:
        from ..sources.token_patterns import redact_tokens  # compiled for plans that are shown, not for each build

        return redact_tokens(redact_text(hide(text)))

    return redact
