"""Files beside a field."""

from starlette.datastructures import UploadFile


async def handler(
    file: UploadFile,
    others: list[UploadFile] = [],  # noqa: B006
    title: str = "none",
) -> dict[str, object]:
    """Return what the files are called, and how large they are."""
    return {
        "title": title, "file": [file.filename, len(await file.read())],
        "others": [[other.filename, len(await other.read())] for other in others],
    }  # fmt: skip
