"""Contracts are read from the documents that services write."""

from __future__ import annotations

from typing import Any

import pytest
from tests.loading import Project

from ovenbird.client.contract import PayloadForm, parse_contract
from ovenbird.serve.observability.openapi import make_document


@pytest.mark.parametrize(
    ("signature", "form", "text"),
    [
        ("name: str, n: int = 2", PayloadForm.FIELDS, "handler(name, n=2)"),
        ("name: str, **rest", PayloadForm.FIELDS, "handler(name, **fields)"),
        ("n: int", PayloadForm.FIELDS, "handler(n)"),
        ("file: ovenbird.UploadFile, title: str = ''", PayloadForm.MULTIPART, "handler(file, title='')"),
        ("body: bytes", PayloadForm.RAW, "handler(<bytes>)"),
        ("payload: dict", PayloadForm.WHOLE, "handler(<one JSON value>)"),
        ("payload", PayloadForm.WHOLE, "handler(<one JSON value>)"),
        ("city: City", PayloadForm.WHOLE, "handler(name, people=0)"),
        ("event: ovenbird.CloudEvent", PayloadForm.EVENT, "handler(<a CloudEvent>)"),
        ("context", PayloadForm.UNKNOWN, "handler(<not described>)"),
    ],
)
def test_each_signature(project: Project, signature: str, form: PayloadForm, text: str) -> None:
    """What the binder of the service takes is what the client sends."""
    handler = project.handler(
        "import ovenbird\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass City:\n    name: str\n    people: int = 0\n"
        f"def handler({signature}):\n    'Greet.'\n"
    )
    contract = parse_contract(make_document(handler))
    assert (contract.form, str(contract), contract.description) == (form, text, "Greet.")


@pytest.mark.parametrize(
    "document",
    [
        None, [], {}, {"openapi": 3}, {"openapi": "3.1.0"}, {"openapi": "3.1.0", "paths": {"/": {"get": {}}}},
        {"openapi": "3.1.0", "paths": {"/": {"post": {"operationId": "f", "requestBody": 3}}}},
        {"openapi": "3.1.0", "paths": {"/": {"post": {"operationId": "f", "requestBody": {"content": {
            "application/json": {"schema": {"$ref": "#/no/where"}}}}}}}},
    ],
)  # fmt: skip
def test_documents_that_are_no_contract(document: Any) -> None:
    """They are an error that says why, and no other."""
    with pytest.raises(ValueError, match=r"no OpenAPI document|describes no call"):
        parse_contract(document)


def test_a_reference_to_itself_ends() -> None:
    """As a hostile server may write it."""
    document = {
        "openapi": "3.1.0", "components": {"a": {"$ref": "#/components/a"}},
        "paths": {"/": {"post": {"operationId": "f", "requestBody": {"content": {
            "application/json": {"schema": {"$ref": "#/components/a"}}}}}}},
    }  # fmt: skip
    assert parse_contract(document).form is PayloadForm.WHOLE
