"""The files of a folder that are packed, by all rules, and the reasons for the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.gitserver import git

from ovenbird_builder.errors import SourceError, SourceMissingError

from .conftest import Fetch, read_tree


def write(folder: Path, *names: str, **texts: str) -> Path:
    """Files by their paths, each with its path as its text; and those with a text of their own."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for name, text in texts.items():
        (folder / f".{name}").write_text(text)
    return folder


def test_files_that_no_function_needs_are_left_out_with_a_reason(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Modules of node, caches of tools, what systems leave; each with its reason. A rule with ! takes one back."""
    app = write(
        tmp_path / "app", "main.py", "node_modules/a/index.js", "web/node_modules/b.js", ".DS_Store", "sub/._main.py",
        ".mypy_cache/x", ".idea/x.xml", "nodes.py", "__pycache__/a.pyc", "function.yaml", ".venv/x",
    )  # fmt: skip
    tree = fetch_tree("app")
    assert set(read_tree(tree)) == {"main.py", "nodes.py"}
    assert tree.left_out == {
        ".DS_Store": "'.DS_Store', default", ".idea/": "'.idea/', default", ".mypy_cache/": "'.mypy_cache/', default",
        ".venv/": "always", "__pycache__/": "always", "node_modules/": "'node_modules/', default",
        "sub/._main.py": "'._*', default", "web/node_modules/": "'node_modules/', default",
        "function.yaml": "the function document, which has a place of its own",
    }  # fmt: skip
    write(app, ovenbirdignore="!web/node_modules/\n")
    assert set(read_tree(fetch_tree("app"))) == {"main.py", "nodes.py", ".ovenbirdignore", "web/node_modules/b.js"}


def test_the_order_of_the_rules(fetch_tree: Fetch, tmp_path: Path) -> None:
    """.gitignore < .dockerignore < .ovenbirdignore, at whatever depth they lie."""
    app = write(tmp_path / "app", "main.py", "a.bin", "b.bin", "c.bin", "sub/d.bin", "sub/e.bin")
    write(app, gitignore="*.bin\n", dockerignore="!b.bin\n!c.bin\nsub/e.bin\n", ovenbirdignore="c.bin\n!e.bin\n")
    tree = fetch_tree("app")
    assert {name for name in read_tree(tree) if not name.startswith(".")} == {"main.py", "b.bin", "sub/e.bin"}
    assert {name: why for name, why in tree.left_out.items() if name.endswith(".bin")} == {
        "a.bin": "'*.bin', line 1 of .gitignore", "c.bin": "'c.bin', line 1 of .ovenbirdignore",
        "sub/d.bin": "'*.bin', line 1 of .gitignore",
    }  # fmt: skip
    (app / "sub/.gitignore").write_text("!d.bin")
    assert "sub/d.bin" in read_tree(fetch_tree("app"))


def test_a_dockerignore_can_include_below_an_ignored_folder(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Unlike git's rules; the file counts at the root of the source alone."""
    app = write(tmp_path / "app", "main.py", "docs/a.md", "docs/b/c.md", "docs/b/keep.md", "sub/x", "data/y")
    write(app, dockerignore="*\n!main.py\n!docs/b/keep.md\n!sub\n")
    (app / "sub/.dockerignore").write_text("*")
    assert set(read_tree(fetch_tree("app"))) == {"main.py", "docs/b/keep.md", "sub/x", "sub/.dockerignore"}


def test_tracked_files_are_packed_even_if_ignored(fetch_tree: Fetch, tmp_path: Path) -> None:
    """As in a commit; other ignored files stay out. `.ovenbirdignore` still applies."""
    top = write(tmp_path / "top", "app/main.py", "app/build/kept.bin", "app/out/a/kept", "app/x.log", "gone.log")
    write(top, gitignore="build/\nout/\n*.log\n")
    git(top, "init", "-q")
    git(top, "add", "--force", ".")
    write(top, "app/build/new.bin", "app/y.log", "app/out/b/new")
    tree = fetch_tree("top/app")
    assert set(read_tree(tree)) == {"main.py", "build/kept.bin", "out/a/kept", "x.log"}
    assert tree.warnings == ()
    git(top, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "a")
    assert fetch_tree(f"git+file://{top}#:app").digest == tree.digest
    (top / "app/.ovenbirdignore").write_text("*.log\n")
    assert "x.log" not in read_tree(fetch_tree("top/app"))


def test_a_failure_of_git_is_reported(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Only where that may have cost a file."""
    app = write(tmp_path / "app", "main.py", "a.log")
    (app / ".git").mkdir()
    assert not any("git could not say" in text for text in fetch_tree("app").warnings)
    write(app, gitignore="*.log\n")
    for environ in ({}, {"PATH": "/nonexistent"}):
        assert any("git could not say" in text for text in fetch_tree("app", **environ).warnings)


def test_empty_folders_stay(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Those that are really empty: a folder of which all is left out is one that a commit would not have."""
    app = write(tmp_path / "app", "main.py", "old/__pycache__/a.pyc", "logs/a.log", gitignore="*.log\n")
    (app / "spool/in").mkdir(parents=True)
    (app / "cache").mkdir()
    (app / ".gitignore").write_text("*.log\n/cache/\n")
    tree = fetch_tree("app")
    folders = {str(path.relative_to(tree.path)) for path in tree.path.rglob("*") if path.is_dir()}
    assert folders == {"spool", "spool/in"}
    assert (tree.path / "spool/in").stat().st_mode & 0o777 == 0o755
    assert [row.name for row in tree.rows] == [".gitignore", "main.py", "spool/in"]


@pytest.mark.parametrize(
    ("include", "exclude", "files"),
    [
        (("services/greet", "libs"), (), {"services/greet/main.py", "services/greet/a.csv", "libs/common/c.py"}),
        (("services/greet/*.py",), (), {"services/greet/main.py"}),
        (("*.py",), ("libs",), {"services/greet/main.py", "services/other/o.py", "top.py"}),
        (("/top.py", "./services/greet/"), ("*.csv",), {"top.py", "services/greet/main.py"}),
        ((), ("*.py", "!main.py"), {"services/greet/main.py", "services/greet/a.csv"}),
        (("**/[cm]*.py",), (), {"services/greet/main.py", "libs/common/c.py"}),
    ],
)
def test_a_document_selects_the_packed_files(
    fetch_tree: Fetch, tmp_path: Path, include: tuple[str, ...], exclude: tuple[str, ...], files: set[str]
) -> None:
    """`include` is all that is packed, `exclude` takes away from it; patterns are those of .gitignore."""
    write(
        tmp_path / "app", "services/greet/main.py", "services/greet/a.csv", "services/other/o.py", "libs/common/c.py",
        "top.py",
    )  # fmt: skip
    tree = fetch_tree("app", include=include, exclude=exclude, handler="services.greet.main:fn")
    assert set(read_tree(tree)) == files


def test_a_file_included_by_name_is_packed_even_if_ignored(fetch_tree: Fetch, tmp_path: Path) -> None:
    """A file that is made and not committed, and a folder of such; in the folder other rules count."""
    app = write(
        tmp_path / "app", "main.py", "model.bin", "other.bin", "dist/a.js", "dist/b.log", "dist/.DS_Store", "src/x.log",
        gitignore="*.bin\ndist/\n*.log\n",
    )  # fmt: skip
    assert app.is_dir()
    tree = fetch_tree("app", include=("*.py", "model.bin", "dist", "src"))
    assert set(read_tree(tree)) == {"main.py", "model.bin", "dist/a.js"}
    assert "dist/a.js" not in read_tree(fetch_tree("app", include=("*.py", "dist"), exclude=("dist/a.js",)))


def test_a_function_that_a_rule_leaves_out_is_refused(fetch_tree: Fetch, tmp_path: Path) -> None:
    """At the build, with the rule; not when the image starts."""
    write(tmp_path / "app", "main.py", "src/app.py", dockerignore="src\n")
    with pytest.raises(SourceMissingError, match=r"'src/app.py' is left out: 'src', line 1 of .dockerignore"):
        fetch_tree("app", handler="src.app:fn")
    with pytest.raises(SourceMissingError, match=r"'main.py' is left out: not in spec.source.include"):
        fetch_tree("app", include=("src",))
    with pytest.raises(SourceError, match=r"spec.source.exclude: '\[z-a\]'"):
        fetch_tree("app", exclude=("[z-a]",))


@pytest.mark.parametrize(("include", "exclude"), [((), ("*.py",)), (("none",), ()), ((), ("**",))])
def test_the_hint_names_rules_that_can_help(
    fetch_tree: Fetch, tmp_path: Path, include: tuple[str, ...], exclude: tuple[str, ...]
) -> None:
    """No rule of a file wins over the document's, so the hint does not send anybody there."""
    app = write(tmp_path / "app", "main.py")
    with pytest.raises(SourceMissingError) as caught:
        fetch_tree("app/main.py", include=include, exclude=exclude)
    assert "change `spec.source.include` or `spec.source.exclude`" in caught.value.hint
    write(app, ovenbirdignore="*\n")
    with pytest.raises(SourceMissingError) as caught:
        fetch_tree("app/main.py")
    assert "a rule with `!` in `.ovenbirdignore`" in caught.value.hint


@pytest.mark.slow
def test_large_files_are_named(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Over 10 MiB, the largest first; one that the document includes by its name is meant."""
    app = write(tmp_path / "app", "main.py")
    for number, size in enumerate((11, 12, 10)):
        with (app / f"{number}.bin").open("wb") as file:
            file.truncate(size * 1024 * 1024)
    warnings = [text for text in fetch_tree("app").warnings if "files over" in text]
    assert len(warnings) == 1
    assert "files over 10.0 MiB: '1.bin' (12.0 MiB), '0.bin' (11.0 MiB);" in warnings[0]
    include = ("main.py", "0.bin", "1.bin")
    assert not [text for text in fetch_tree("app", include=include).warnings if "files over" in text]


def test_a_walk_does_not_enter_excluded_folders(fetch_tree: Fetch, tmp_path: Path) -> None:
    """A folder that cannot be read is no problem where nothing of it is wanted."""
    app = write(tmp_path / "app", "main.py", "node_modules/a/b", dockerignore="!main.py\n!*.md\n")
    deep = app / "node_modules"
    for _ in range(250):
        deep /= "a"
    os.makedirs(deep)  # noqa: PTH103  # deeper than a tree may be
    assert "main.py" in read_tree(fetch_tree("app"))


INCLUDED = {
    "a slip": (("main.py", "mdoels/"), (), "'mdoels/' matches nothing; did you mean 'models'?"),
    "a wildcard": (("main.py", "*.csv"), (), "'*.csv' matches nothing"),
    "a wildcard in a folder": (("main.py", "modls/*.bin"), (), "'modls/*.bin' matches nothing; did you mean 'models'?"),
    "a later exclude": (
        ("main.py", "models/a.bin"), ("models/",),
        "'models/a.bin' names only what is left out: 'models/', line 1 of spec.source.exclude",
    ),
    "a later exclude of files": (
        ("main.py", "models"), ("*.bin",),
        "'models' names only what is left out: '*.bin', line 1 of spec.source.exclude",
    ),
    "an ignored folder": (
        ("main.py", "logs/*.txt"), (), "'logs/*.txt' names only what is left out: 'logs/', line 1 of .gitignore",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("include", "exclude", "words"), INCLUDED.values(), ids=INCLUDED)
def test_an_include_pattern_without_a_file_is_reported(
    fetch_tree: Fetch, tmp_path: Path, include: tuple[str, ...], exclude: tuple[str, ...], words: str
) -> None:
    """The function would miss it at its first call; a rule that leaves out what is meant is named."""
    app = write(tmp_path / "app", "main.py", "models/a.bin", "logs/a.txt")
    write(app, gitignore="logs/\n")
    tree = fetch_tree("app", include=include, exclude=exclude)
    assert tree.warnings == (f"spec.source.include: {words}",)


def test_patterns_with_a_file_are_not_reported(fetch_tree: Fetch, tmp_path: Path) -> None:
    """In any form, also if another pattern matches the same file; a `!` needs no file."""
    write(tmp_path / "app", "main.py", "models/a.bin", "models/b.bin")
    include = ("./main.py", "/main.py", "models", "models/", "models/*.bin", "**/a.bin", "!models/b.bin", "*.py")
    tree = fetch_tree("app", include=include)
    assert tree.warnings == ()
    assert tree.left_out == {"models/b.bin": "'!models/b.bin', line 7 of spec.source.include"}


def test_an_ineffective_line_of_a_dockerignore_is_reported(fetch_tree: Fetch, tmp_path: Path) -> None:
    """By its line; an overridden line names the later one, and so does the reason of the file."""
    app = write(tmp_path / "app", "main.py", "data/a.csv", "data/b.csv")
    write(app, dockerignore="data\n!dta/a.csv\n!data/b.csv\ndata/b.csv\n!main.py\n")
    tree = fetch_tree("app")
    assert tree.left_out["data/b.csv"] == "'data/b.csv', line 4 of .dockerignore"
    assert tree.warnings == (
        ".dockerignore, line 2: '!dta/a.csv' matches nothing; did you mean 'data/a.csv'?",
        ".dockerignore, line 3: '!data/b.csv' names only what is left out: 'data/b.csv', line 4 of .dockerignore",
    )
