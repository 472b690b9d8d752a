"""Another source in a document whose author has commented it."""

from __future__ import annotations

import base64

import pytest

from ovenbird.errors import InputError
from ovenbird.function_document import parse
from ovenbird_console.source_edit import replace_source

DOCUMENT = """\
# greets
kind: python
name: f  # a short name
spec:
    source:
        # the code
        %s
        handler: handler # of the code

    requirements: [six]   # no version
"""
BASE = base64.b64encode(b"def handler(): ...").decode()


@pytest.mark.parametrize("field", [
    "code: |\n            def handler():\n                return 1  # one\n\n",
    "code: handler", 'code: "def\\n"',
    f"base64: {BASE}", f"base64: |\n          {BASE}", "code: >-\n          def\n          handler",
], ids=["block", "plain", "quoted", "base64", "block of base64", "folded"])  # fmt: skip
@pytest.mark.parametrize("code", [
    "def handler():\n\treturn '#'\n", "  x = 1\n", "\nx", "x\n\n", "a: b # c", "\x1b\u2028\U0001f600\n",
], ids=["lines", "indented", "empty line", "lines at its end", "yaml", "odd characters"])  # fmt: skip
def test_all_but_the_source_stays(field: str, code: str) -> None:
    """Comments, order and form of the other lines are as before, whatever the source is and was."""
    text = DOCUMENT % field
    changed = replace_source(text, code)
    before, _, after = (DOCUMENT % "@").partition("@")
    assert changed.startswith(before)
    assert changed.endswith(after.lstrip("\n"))
    assert parse(changed, "f")["spec"]["source"] == {"code": code, "handler": "handler"}


def test_the_comment_of_a_block_stays() -> None:
    text = DOCUMENT % "code: |  # keep me\n            pass\n"
    for code in ("x\n", "x"):
        assert "|  # keep me\n" in replace_source(text, code).replace("|-", "|")
    assert '"\\x1b"  # keep me\n' in replace_source(text, "\x1b").replace("\\e", "\\x1b")


def test_a_flow_mapping_stays_one() -> None:
    text = "kind: python\nname: f\nspec: {source: {code: x, handler: h}} # all\n"
    assert replace_source(text, "a\nb\n") == text.replace("code: x", 'code: "a\\nb\\n"')


def test_a_source_that_others_refer_to_is_refused() -> None:
    """The other place would change, or lose what it refers to: the reason is said, and nothing is written."""
    text = "kind: python\nname: f\nmetadata: {description: &c x}\nspec:\n  source:\n    code: *c\n    handler: h\n"
    with pytest.raises(InputError, match="without changing what else"):
        replace_source(text.replace("&c x", "x").replace("*c", "&c x") + "other: *c\n", "y")
