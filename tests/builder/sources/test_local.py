"""Folders and files of this machine, text in the document, and what holds for every tree."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.gitserver import git
from tests.refusals import succeeds

from ovenbird_builder.errors import BuildRequestError, SourceError, SourceMissingError, UnsafeSourceError

from .conftest import Fetch, read_tree


def write(folder: Path, **files: str) -> Path:
    """Files by name: `pkg__a_py` is pkg/a.py."""
    for name, text in files.items():
        path = folder / name.replace("CACHE", "\0").replace("__", "/").replace("_py", ".py").replace(
            "DOT", "."
        ).replace("\0", "__pycache__")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_inline_text_becomes_the_file_of_its_module(fetch_tree: Fetch) -> None:
    """The handler's module, else what `source` names, else main; the text, whatever `source` points at."""
    for handler, source, file in (
        ("fn", "", "main.py"),
        ("fn", "src/app.py", "app.py"),
        ("app:fn", "src/app.py", "app.py"),
        ("pkg.mod:fn", "", "pkg/mod.py"),
        ("fn", "git+https://host/repo", "main.py"),
    ):
        tree = fetch_tree(source, handler=handler, code="def fn(): return 'ä'\n")
        assert read_tree(tree) == {file: "def fn(): return 'ä'\n"}
        assert (tree.file, tree.uri, tree.epoch) == (file, "inline", None)


def test_a_folder_is_copied_without_ignored_files(fetch_tree: Fetch, tmp_path: Path) -> None:
    """.gitignore at each level, .ovenbirdignore over it; never .git, bytecode, environments, Ovenbird's store."""
    app = write(
        tmp_path / "app", main_py="x", DOTgitignore="*.log\n/data\n!keep.log\n", a__b__deep_py="d", a__xDOTlog="l",
        keepDOTlog="k", data__big="b", a__data__small="s", a__DOTgitignore="secret*\n", a__b__secret_py="s",
        secret_py="kept", DOTovenbirdignore="tests\n!notes.log\n", tests__t_py="t", notesDOTlog="n",
        DOTgit__HEAD="h", a__CACHE__zDOTpyc="z", DOTovenbird__store="o", DOTvenv__x="v", env__pyvenvDOTcfg="e",
        env__lib="l", functionDOTyaml="f",
    )  # fmt: skip
    tree = fetch_tree("app")
    assert set(read_tree(tree)) == {
        "main.py", ".gitignore", "a/b/deep.py", "keep.log", "a/data/small", "a/.gitignore", "secret.py",
        ".ovenbirdignore", "notes.log",
    }  # fmt: skip
    assert (tree.uri, tree.revision, tree.epoch, tree.file) == ("local", "", None, "")
    assert (app / "tests/t.py").exists()


def test_caches_and_products_of_a_build_are_left_out(fetch_tree: Fetch, tmp_path: Path) -> None:
    """A folder that is tagged as a cache, and what the build writes; not a file that has only the name of a tag."""
    app = write(
        tmp_path / "app", main_py="x", cache__blobs__b="b", sub__tool__x="x", fake__f="f",
        resultDOTjson="{}", image__blobs__b="b", sub__resultDOTjson="mine",
    )  # fmt: skip
    for folder in ("cache", "sub/tool"):
        (app / folder / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    (app / "fake/CACHEDIR.TAG").write_text("no signature")
    (tmp_path / "link").symlink_to(app)
    products = (tmp_path / "link/result.json", app / "image", app / "later.json", tmp_path / "elsewhere")
    first = fetch_tree("app", products=products)
    assert set(read_tree(first)) == {"main.py", "fake/CACHEDIR.TAG", "fake/f", "sub/result.json"}
    write(app, resultDOTjson="changed", laterDOTjson="new", cache__more="m")
    assert fetch_tree("app", products=products).digest == first.digest
    assert (app / "result.json").read_text() == "changed"


def test_a_source_that_was_marked_as_a_cache_can_be_packed(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Its root was named by hand; where the cache's rules leave all of it out, the error names the files to remove."""
    app = write(tmp_path / "app", main_py="x")
    (app / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert set(read_tree(fetch_tree("app"))) == {"CACHEDIR.TAG", "main.py"}
    write(app, DOTgitignore="*\n")
    with pytest.raises(SourceMissingError, match=r"'main.py' is left out: '\*', line 1 of .gitignore") as caught:
        fetch_tree("app")
    assert caught.value.hint == "where no cache is, remove what marks it as one: CACHEDIR.TAG, .gitignore"
    inner = write(tmp_path / "top", app__main_py="x")
    (app / "CACHEDIR.TAG").rename(inner / "app" / "CACHEDIR.TAG")
    with pytest.raises(SourceMissingError, match=r"'app/' is left out: a cache, by its CACHEDIR.TAG") as caught:
        fetch_tree("top")
    assert caught.value.hint == "where no cache is, remove what marks it as one: app/CACHEDIR.TAG"


def test_the_ignored_files_are_those_that_git_ignores(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Compared with `git ls-files`, for a folder within a repository: the rules above it count as well."""
    top = tmp_path / "top"
    write(
        top, DOTgitignore="*.tmp\nbuild/\n.env\n# c\n\\#odd\nfoo/**/bar\n", app__main_py="x", app__DOTenv="secret",
        app__build__o="o", app__fDOTtmp="t", app__foo__a__b__bar="1", app__foo__bar="2", app__foo__baz="3",
        app__DOTgitignore="!f.tmp\n*.[oa]\n/only\nsp\\ ace\n", app__only="1", app__x__only="2", app__yDOTo="3",
        app__x__DOTgitignore="*\n!.gitignore\n!only\n", app__x__gone="4",
    )  # fmt: skip
    (top / "app" / "#odd").write_text("")
    (top / "app" / "sp ace").write_text("")
    git(top, "init", "-q")
    (top / ".git/info/exclude").write_text("local.py\n")
    (top / "app/local.py").write_text("")
    listed = git(top / "app", "ls-files", "--others", "--exclude-standard").splitlines()
    assert "main.py" in listed
    assert set(read_tree(fetch_tree("top/app"))) == set(listed)


def test_a_folder_that_is_itself_ignored_was_named_by_hand(fetch_tree: Fetch, tmp_path: Path) -> None:
    write(tmp_path / "top", DOTgitignore="out/\n", out__main_py="x")
    git(tmp_path / "top", "init", "-q")
    assert read_tree(fetch_tree("top/out")) == {"main.py": "x"}


def test_a_file_means_its_folder(fetch_tree: Fetch, tmp_path: Path) -> None:
    """As in `serve`: modules next to the file are packed too."""
    write(tmp_path / "app", main_py="import other", other_py="y", DOTgitignore="gone.py", gone_py="g")
    tree = fetch_tree("app/main.py")
    assert (set(read_tree(tree)), tree.file) == ({"main.py", "other.py", ".gitignore"}, "main.py")
    with pytest.raises(SourceMissingError, match=r"'gone.py' is left out: 'gone.py', line 1 of .gitignore"):
        fetch_tree("app/gone.py")
    assert set(read_tree(fetch_tree(root=tmp_path / "app"))) == {"main.py", "other.py", ".gitignore"}


def test_a_missing_source_is_reported(fetch_tree: Fetch, tmp_path: Path) -> None:
    write(tmp_path, main_py="x")
    with pytest.raises(SourceMissingError, match=r"man.py' does not exist \(did you mean 'main.py'"):
        fetch_tree("man.py")
    with pytest.raises(SourceMissingError, match=r"does not exist"):
        fetch_tree("no/such/folder")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceMissingError, match=r"neither file nor folder"):
        fetch_tree("pipe")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceMissingError, match=r"no file is in it"):
        fetch_tree("empty")


def test_the_digest_depends_on_contents_only(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Not time, owner, umask or order; but each byte, name, executable bit, link target and empty folder."""
    app = write(tmp_path / "app", main_py="x", pkg__a_py="a", pkg__b_py="b")
    (app / "link").symlink_to("main.py")
    first = fetch_tree("app").digest
    other = tmp_path / "other"
    (other / "pkg").mkdir(parents=True)
    for name in ("pkg/b.py", "pkg/a.py", "main.py"):
        (other / name).write_bytes((app / name).read_bytes())
        (other / name).chmod(0o600)
        os.utime(other / name, (0, 0))
        os.chown(other / name, 1234, 1234)
    (other / "link").symlink_to("main.py")
    assert fetch_tree("other").digest == first
    digests = {first}
    for change in (
        lambda: (app / "main.py").write_text("y"),
        lambda: (app / "main.py").chmod(0o755),
        lambda: (app / "pkg/a.py").rename(app / "pkg/c.py"),
        lambda: ((app / "link").unlink(), (app / "link").symlink_to("pkg/b.py")),
        lambda: ((app / "link").unlink(), (app / "link").write_text("pkg/b.py")),
        lambda: (app / "empty.txt").write_text(""),
        (app / "empty").mkdir,
    ):
        change()
        digests.add(fetch_tree("app").digest)
    assert len(digests) == 8


def test_links_within_stay_and_links_out_are_refused(fetch_tree: Fetch, tmp_path: Path) -> None:
    app = write(tmp_path / "app", main_py="x", pkg__a_py="a")
    (app / "pkg" / "up").symlink_to("../main.py")
    (app / "folder").symlink_to("pkg")
    (app / "through").symlink_to("folder/../main.py")
    (app / "nothing").symlink_to("not-there")
    assert read_tree(fetch_tree("app"))["folder"] == ("pkg",)
    for target, words in (
        ("../app/main.py", "leads out"), (str(app / "main.py"), "absolute"), ("folder/../../x", "leads out"),
        ("not-there/../../x", "leads out"), ("bad", "circle"),
    ):  # fmt: skip
        (app / "bad").symlink_to(target)
        with pytest.raises(UnsafeSourceError, match=rf"link 'bad' -> .*{words}"):
            fetch_tree("app")
        (app / "bad").unlink()


def test_special_files_are_refused(fetch_tree: Fetch, tmp_path: Path) -> None:
    app = write(tmp_path / "app", main_py="x")
    os.mkfifo(app / "pipe")
    with pytest.raises(UnsafeSourceError, match=r"'pipe' is neither a file"):
        fetch_tree("app")
    (app / "pipe").unlink()
    for name, words in ((b"\xff.txt", "not UTF-8"), (b"a\nb", "control character"), (b".wh.main.py", "deletion")):
        path = app / os.fsdecode(name)
        path.touch()
        with pytest.raises(UnsafeSourceError, match=words):
            fetch_tree("app")
        path.unlink()


def test_a_home_directory_is_not_swallowed(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Refused before a byte is copied, with what is big, what to do, and quickly."""
    app = write(tmp_path / "app", main_py="x", small="s" * 10)
    (app / "data").mkdir()
    with (app / "data" / "huge").open("wb") as file:
        file.truncate(2 * 1024**3)
    with pytest.raises(UnsafeSourceError, match=r"more than 1.0 GiB of files; .*data/ \(2.0 GiB\).*\.ovenbirdignore"):
        fetch_tree("app/main.py")
    for number in range(12):
        (app / "data" / str(number)).touch()
    (app / "data" / "huge").unlink()
    with pytest.raises(UnsafeSourceError, match=r"more than 10 files; .*data/ \(\d+ files\)"):
        fetch_tree("app", OVENBIRD_SOURCE_FILES="10")
    (app / ".ovenbirdignore").write_text("data/")
    assert len(read_tree(fetch_tree("app", OVENBIRD_SOURCE_FILES="10"))) == 3


@pytest.mark.parametrize("values", [{"OVENBIRD_SOURCE_LIMIT": "lots"}, {"OVENBIRD_SOURCE_FILES": "0"}])
def test_a_limit_that_does_not_parse_is_an_error(fetch_tree: Fetch, values: dict[str, str]) -> None:
    with pytest.raises(BuildRequestError, match=next(iter(values))):
        fetch_tree(code="x", **values)


def test_a_folder_that_contains_its_destination_is_not_copied_into_itself(fetch_tree: Fetch, tmp_path: Path) -> None:
    app = write(tmp_path / "app", main_py="x")
    assert read_tree(fetch_tree("app", into=app / "tree")) == {"main.py": "x"}


def test_an_existing_or_unwritable_destination_is_refused(fetch_tree: Fetch, tmp_path: Path) -> None:
    write(tmp_path / "app", main_py="x")
    write(tmp_path / "taken", file="x")
    with pytest.raises(SourceError, match=r"is not empty"):
        fetch_tree("app", into=tmp_path / "taken")
    with pytest.raises(SourceError, match=r"cannot write below"):
        fetch_tree("app", into=Path("/proc/self/tree"))
    (tmp_path / "ready").mkdir()
    assert read_tree(fetch_tree("app", into=tmp_path / "ready")) == {"main.py": "x"}


@pytest.mark.parametrize(
    ("source", "hint"),
    [("https+git://h/x", "one of"), ("file://x", r"git\+file"), ("ssh://h/x", r"git\+ssh"), ("gs://b/k", "one of")],
)
def test_an_unknown_form_is_reported(fetch_tree: Fetch, source: str, hint: str) -> None:
    with pytest.raises(SourceError, match=rf"is not known.*{hint}"):
        fetch_tree(source)


@pytest.mark.slow
def test_a_large_folder_is_quick(fetch_tree: Fetch, tmp_path: Path) -> None:
    """5,000 files in well under the time that a build has."""
    app = tmp_path / "app"
    for number in range(50):
        (app / f"p{number}").mkdir(parents=True)
        for file in range(100):
            (app / f"p{number}" / f"{file}.py").touch()
    (app / ".gitignore").write_text("*.log\nbuild/\n*.tmp\n")
    start = time.monotonic()
    fetch_tree("app")
    assert time.monotonic() - start < 60


def test_a_folder_too_deep_is_refused(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Before the stack of whoever walks it overflows."""
    write(tmp_path / "app", main_py="x").joinpath("a/" * 300).mkdir(parents=True)
    with pytest.raises(UnsafeSourceError, match="200 folders deep"):
        fetch_tree("app")


def test_no_error_shows_a_password(fetch_tree: Fetch) -> None:
    """Not even one that makes the URL invalid."""
    for source in (
        "git+https://user:pass/word1@host/x", "https://user:pass/word1@host/x", "https://user:pass word1@host/x",
        "ftp://user:pass/word1@host/x", "git+ftp://user:password1@host/x", "git+https://user:password1@-x/x",
        "https://user:pass#word1@host/x", "git+https://user:password1@ho st/x#--x", "git+ssh://user:password1@/x",
    ):  # fmt: skip
        with pytest.raises(SourceError) as caught:
            fetch_tree(source, timeout=2)
        assert "word1" not in str(caught.value)


@pytest.mark.parametrize("name", [".gitignore", ".ovenbirdignore"])
@pytest.mark.parametrize(
    "rules",
    [
        b"\0",
        b"\xff\xfe",
        b"!",
        b"!!",
        b"/",
        b"//",
        b"\\",
        b"x\\",
        b"[",
        b"[]",
        b"[!",
        b"[z-a]",
        b"[[:alpha:]",
        b"***",
        b"**/**/**",
        b"a/**/**/b",
        b"*" * 200,
        b"x" * 10_000,
        b"[" * 1000,
        b"(?P<x>",
        b"(" * 500,
        b"\\E\\Q",
        b"#",
        b" ",
        b"\t",
        b"a\\ ",
        b"\r\n",
        b"\xe2\x80\xae",
        b"{a,b",
        b"?" * 500,
        os.urandom(500),
    ],
)
def test_odd_rules(fetch_tree: Fetch, tmp_path: Path, name: str, rules: bytes) -> None:
    """Rules may be anything: a tree, or an error of the source, and no hang."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("x")
    (tmp_path / "src" / ("a" * 60)).write_text("x")
    (tmp_path / "src" / name).write_bytes(rules)
    succeeds(lambda: fetch_tree("src"), repr(rules[:40]), *range(30, 40))
