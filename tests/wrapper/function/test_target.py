"""The code that a target names."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.loading import FUNCTIONS, Project

from ovenbird.errors import DocumentError, LoadError, ModuleMissingError
from ovenbird.function.handler import Handler
from ovenbird.function.loader import load
from ovenbird.function.target import default_target, parse


@pytest.mark.parametrize(
    ("text", "module", "attribute"),
    [
        ("typed/main.py:handler", "main", "handler"),
        ("typed/main.py", "main", "handler"),
        ("shapes/main.py:model.later", "main", "model.later"),
    ],
)
def test_a_file_names_its_folder_as_the_root(text: str, module: str, attribute: str) -> None:
    """FILE.py:attr and FILE.py: the file's folder is the source root, `handler` the default attribute."""
    target = parse(str(FUNCTIONS / text))
    assert (target.module, target.attribute) == (module, attribute)
    assert target.root == (FUNCTIONS / text.partition(":")[0]).parent


def test_a_file_below_a_source_folder_is_a_module_of_it() -> None:
    """With --source, a file's module name is its path below that folder."""
    target = parse(str(FUNCTIONS / "package/shop/greet.py:fn"), str(FUNCTIONS / "package"))
    assert (target.root, str(target)) == (FUNCTIONS / "package", "shop.greet:fn")


def test_a_file_outside_the_source_folder_is_refused() -> None:
    """--source that does not hold the file is an error that names both."""
    with pytest.raises(LoadError, match=r"main\.py.*does not lie below.*package"):
        parse(str(FUNCTIONS / "typed/main.py"), str(FUNCTIONS / "package"))


@pytest.mark.parametrize("attribute", ["fn", "Greeter", "greeter.twice"])
def test_a_module_is_below_the_source_folder(attribute: str) -> None:
    """pkg.mod:fn, pkg.mod:Class and pkg.mod:obj.method are looked for below --source."""
    target = parse(f"shop.greet:{attribute}", str(FUNCTIONS / "package"))
    assert (target.root, target.module, target.attribute) == (FUNCTIONS / "package", "shop.greet", attribute)


def test_a_module_is_below_the_current_folder_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --source the current folder is the root, also where a folder has the module's name."""
    monkeypatch.chdir(FUNCTIONS / "package")
    assert parse("shop:fn").root == FUNCTIONS / "package"


@pytest.mark.parametrize("text", ["documents/function.yaml", "documents"])
def test_a_document_or_its_folder_names_the_handler(text: str) -> None:
    """function.yaml and the folder that holds it: a bare handler's module is the local source without .py."""
    target = parse(str(FUNCTIONS / text))
    assert (target.root, target.module, target.attribute, target.init) == (
        FUNCTIONS / "documents/src", "add", "add", "prepare",
    )  # fmt: skip
    assert target.function is not None
    assert target.function.name == "adder"


@pytest.mark.parametrize(
    ("source", "handler", "expected"),
    [
        ("", "fn", (".", "main")),
        ("source: code", "fn", ("code", "main")),
        ("source: code", "pkg.mod:fn", ("code", "pkg.mod")),
        ("source: code/job.py", "fn", ("code", "job")),
        ("source: code/job.py", "other:fn", ("code", "other")),
        ("source: git+https://example.org/repo#main", "fn", (".", "main")),
    ],
)
def test_a_documents_source_gives_root_and_module(
    project: Project, source: str, handler: str, expected: tuple[str, str]
) -> None:
    """A local folder or file is the root; a remote source leaves the document's folder, and `main`."""
    project.write("code/job.py", "")
    text = f"kind: python\nname: f\nspec:\n  source:\n    handler: {handler}\n    {source}\n"
    target = parse(str(project.write("function.yaml", text)))
    assert (target.root, target.module) == ((project.folder / expected[0]).resolve(), expected[1])


def test_source_overrides_a_documents_root(project: Project) -> None:
    """--source says where the code of a document lies, whatever the document says."""
    folder = str(FUNCTIONS / "documents/src")
    assert str(parse(str(FUNCTIONS / "documents"), folder).root) == folder


def test_inline_source_is_a_module_like_any_other(project: Project) -> None:
    """base64 in a document, broken into lines, is written out and imported under the module's name."""
    handler = Handler(project.load(str(FUNCTIONS / "inline") + "/"))
    assert (handler.name, handler.call(n=4), handler.loaded.module.__name__) == ("double", 8, "main")


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("typed/mian.py", ModuleMissingError, "no file.*did you mean 'main.py'"),
        ("typed/nothere.py", ModuleMissingError, "no file.*found: "),
        ("typed", DocumentError, "no `function.yaml` in the folder"),
        ("typed/main", LoadError, "is not a target.*did you mean 'main.py'"),
        ("typed/main.py:not a name", LoadError, "'not a name' is not the name of an attribute"),
        ("documents:add", LoadError, "the function document names the handler.*leave out ':add'"),
        ("documents/function.yaml:add", LoadError, "the function document names the handler"),
        ("nowhere/function.yaml", DocumentError, "cannot read.*No such file"),
    ],
)
def test_what_is_no_target_is_refused_by_name(text: str, error: type[Exception], words: str) -> None:
    """Each wrong form is an error that says what was looked for, with similar files."""
    with pytest.raises(error) as caught:
        parse(str(FUNCTIONS / text))
    assert_matches(words, str(caught.value))


def test_an_attribute_alone_is_no_target() -> None:
    """It says what is missing, whether the folder has a function document or not."""
    with pytest.raises(LoadError) as caught:
        parse(":add")
    assert_matches("':add' names no file or module before the colon.*no target at all", str(caught.value))


def test_the_error_for_another_file_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for an archive says how to use it, and does not call it missing."""
    (tmp_path / "app.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    (tmp_path / "notes.txt").write_text("a")
    for name in ("train.ipynb", "a.b.ipynb"):
        (tmp_path / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    for name, kind, hint in (
        ("app.zip", "a zip archive", "unpack it"), ("notes.txt", "a text file", "FILE.py"),
        ("train.ipynb", "a notebook", "jupyter nbconvert"), ("train.ipynb:train", "a notebook", "jupyter nbconvert"),
        ("a.b.ipynb:train", "a notebook", "jupyter nbconvert"),
    ):  # fmt: skip
        with pytest.raises(LoadError) as caught:
            parse(name)
        assert caught.value.message == f"'{name}' is not a target: it is {kind}"
        assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("url", "redacted", "hint"),
    [
        ("git+https://u:s3cr3t@h/a.git#main", "git+https://h/a.git#main", "clone it"),
        ("git@h://a", "git@h://a", "clone it"),
        ("https://h/app.zip?sig=s3cr3t", "https://h/app.zip?sig=***", "download it"),
        ("s3://bucket/main.py", "s3://bucket/main.py", "download it"),
    ],
)
def test_a_url_is_no_target(url: str, redacted: str, hint: str) -> None:
    """The hint is for a run, a service and a check; a build has an error of its own."""
    with pytest.raises(LoadError) as caught:
        parse(url)
    assert caught.value.message == f"'{redacted}' is a URL, and only a build fetches sources"
    assert caught.value.hint.startswith(f"{hint}, and name its file or folder; `ovenbird build` fetches")


def test_a_remote_source_that_is_not_at_hand(tmp_path: Path) -> None:
    """For a document with a URL as source the module may lie next to it; otherwise the hint says who fetches URLs."""
    path = tmp_path / "function.yaml"
    document = "name: f\nkind: python\nspec:\n  source:\n    handler: absent_one:fn\n"
    path.write_text(document + "    source: git+https://u:s3cr3t@h/a.git\n")
    with pytest.raises(ModuleMissingError) as caught:
        load(parse(str(path)))
    assert caught.value.hint == (
        "only a build and the platform fetch its source 'git+https://h/a.git': `--source` names a copy of it"
    )
    path.write_text(document)
    with pytest.raises(ModuleMissingError) as caught:
        load(parse(str(path)))
    assert caught.value.hint == "`--source` names the folder that holds it"


def test_a_source_folder_that_does_not_exist_is_refused() -> None:
    """--source is checked before anything is imported."""
    with pytest.raises(LoadError, match="'/nowhere/at/all' does not exist"):
        parse("mod:fn", "/nowhere/at/all")


def test_a_module_without_an_attribute_is_no_target() -> None:
    """`pkg.mod` alone is refused with the forms there are."""
    with pytest.raises(LoadError, match=r"pkg\.mod:name"):
        parse("pkg.mod")


def assert_matches(words: str, text: str) -> None:
    import re

    assert re.search(words, text, re.DOTALL), text


def test_no_target_is_named(tmp_path: Path) -> None:
    """The document of the current folder comes first, then the one that was built into the image."""
    folder, image = tmp_path / "folder", tmp_path / "image"
    folder.mkdir()
    assert default_target(folder, image) == str(folder)  # not in an image: the error says that the document is missing
    image.mkdir()
    with pytest.raises(DocumentError, match="none is named") as caught:
        default_target(folder, image)
    assert f'-v "$PWD:{folder}:ro"' in caught.value.hint
    (image / "function.yaml").write_text("")
    assert default_target(folder, image) == str(image / "function.yaml")
    (folder / "function.yml").write_text("")
    assert default_target(folder, image) == str(folder)


def test_inline_source_that_cannot_be_written(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error of loading with a hint at the setting; files already written go with the process."""
    (project.folder / "there").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(project.folder / "there"))
    document = project.folder / "function.yaml"
    module = "x" * 300  # longer than any file system takes
    document.write_text(f"name: f\nkind: python\nspec: {{source: {{handler: '{module}:handler', code: 'x = 1'}}}}\n")
    with pytest.raises(LoadError, match=r"cannot write the inline source to .*File name too long") as caught:
        parse(str(document))
    assert "TMPDIR" in caught.value.hint
