"""An answer that says more than its body."""

from ovenbird.function.response import Response


def test_a_response_holds_its_arguments() -> None:
    """The platform's order of arguments; headers are copied, so that a shared dict is not changed."""
    shared = {"x": "1"}
    response = Response("b", shared, "text/html", 201)
    response.headers["y"] = "2"
    assert (response.body, response.content_type, response.status_code) == ("b", "text/html", 201)
    assert shared == {"x": "1"}
    assert repr(response) == "Response(status_code=201, content_type='text/html')"


def test_a_response_of_nothing_is_a_200() -> None:
    """All arguments have defaults."""
    assert (Response().status_code, Response().body, Response().headers) == (200, None, {})
