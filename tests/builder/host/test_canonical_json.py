from __future__ import annotations

import pytest

from ovenbird_builder.host.canonical_json import encode_json, encode_json_ascii, encode_json_indented

VALUE = {"b": [1, "ü", None], "a": {"d": True, "c": 1.5}}


def test_bytes_depend_on_the_content_alone() -> None:
    """The order of keys does not count; nothing but the content is written."""
    reordered = {"a": {"c": 1.5, "d": True}, "b": [1, "ü", None]}
    assert encode_json(VALUE) == encode_json(reordered) == '{"a":{"c":1.5,"d":true},"b":[1,"ü",null]}'.encode()


def test_keys_hold_any_name_of_a_file() -> None:
    """A file name that is not UTF-8 has a key in ASCII, and no form in UTF-8."""
    assert encode_json_ascii(["ü\udc80"]) == b'["\\u00fc\\udc80"]'
    with pytest.raises(ValueError, match="surrogates"):
        encode_json(["\udc80"])


def test_documents_are_for_people_too() -> None:
    """A function document and a bundle have a key on a line, and end with a line break."""
    assert encode_json_indented(VALUE, 2).decode() == (
        '{\n  "a": {\n    "c": 1.5,\n    "d": true\n  },\n  "b": [\n    1,\n    "ü",\n    null\n  ]\n}\n'
    )
    assert encode_json_indented({"b": 1, "a": 2}, 1) == b'{\n "a": 2,\n "b": 1\n}\n'
