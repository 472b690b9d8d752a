"""Every parser that is fuzzed, by its name."""

from __future__ import annotations

from tests.fuzz.parser import Parser
from tests.fuzz.parsers import builder, runtime

PARSERS: dict[str, Parser] = {parser.name: parser for parser in (*runtime.PARSERS, *builder.PARSERS)}
