from census import census
from starlette.datastructures import UploadFile


def handler(file: UploadFile | None = None, text: str = "", count: int = 0, report: bool = False):
    if report:
        return census()
    if count < 0:
        raise ValueError("no")
    return file.size if file else len(text)
