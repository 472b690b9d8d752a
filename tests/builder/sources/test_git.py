"""Git sources, from a real server: over HTTP with and without a password, over ssh, from a folder."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.gitserver import GitServer, Repository, git
from tests.stores import Server, send_reply

from ovenbird_builder.errors import (
    ProgramMissingError,
    SourceAuthError,
    SourceError,
    SourceMissingError,
    SourceUnreachableError,
    UnsafeSourceError,
)
from ovenbird_builder.host.network import NetworkSettings

from .conftest import Fetch, read_tree


@pytest.mark.slow
def test_a_branch_a_tag_and_a_commit_are_resolved(fetch_tree: Fetch, gits: GitServer, repository: Repository) -> None:
    """Each way to name a commit gives its files, its full name and its time; nothing of .git comes along."""
    first = repository.commit(main_py="first")
    git(repository.folder, "tag", "-a", "-m", "x", "v1")
    git(repository.folder, "branch", "feature/one")
    second = repository.commit(main_py="second")
    url = f"git+{gits.url}/app/.git"
    for ref, commit in (
        ("", second), ("#main", second), ("#HEAD", second), ("#v1", first), ("#feature/one", first),
        ("#refs/tags/v1", first), (f"#{first}", first), (f"#{second[:9]}", second), (f"#{first[:9]}", first),
    ):  # fmt: skip
        tree = fetch_tree(url + ref)
        assert (tree.revision, tree.epoch, tree.uri) == (commit, 1700000000, url + ref)
        assert read_tree(tree) == {"main.py": "first" if commit == first else "second"}


@pytest.mark.slow
def test_an_old_commit_of_a_strict_server_comes_with_its_history(
    fetch_tree: Fetch, gits: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """A server of protocol 0 that serves no single commit is asked for its branches instead."""
    first = repository.commit(main_py="first")
    repository.commit(main_py="second")
    answer = gits.answer

    def old(request: BaseHTTPRequestHandler) -> None:
        del request.headers["Git-Protocol"]
        answer(request)

    gits.answer = old
    assert read_tree(fetch_tree(f"git+{gits.url}/app/.git#{first}")) == {"main.py": "first"}
    with pytest.raises(SourceMissingError, match=r"no branch, tag or commit '0000"):
        fetch_tree(f"git+{gits.url}/app/.git#{'0' * 39}1")


@pytest.mark.slow
def test_a_single_commit_is_fetched_without_the_history(
    fetch_tree: Fetch, gits: GitServer, repository: Repository
) -> None:
    """A large file that an earlier commit had is not transferred."""
    (repository.folder / "big").write_bytes(os.urandom(3_000_000))
    repository.commit()
    (repository.folder / "big").unlink()
    repository.commit(main_py="x")
    number = gits.count()
    fetch_tree(f"git+{gits.url}/app/.git")
    assert sum(number) < 100_000


@pytest.mark.slow
def test_a_subfolder_may_be_named_in_two_ways(fetch_tree: Fetch, gits: GitServer, repository: Repository) -> None:
    """`#ref:path` and `#ref&subdirectory=path` select a folder; a missing one is reported with similar names."""
    repository.commit(app__main_py="x", other_py="y")
    url = f"git+{gits.url}/app/.git"
    digests = {
        fetch_tree(url + end).digest for end in ("#main:app", "#main&subdirectory=app", "#subdirectory=app/", "#:app")
    }
    assert len(digests) == 1
    assert read_tree(fetch_tree(f"{url}#main:app")) == {"main.py": "x"}
    for path in ("apq", "app/main.py", ".git"):
        with pytest.raises(SourceMissingError, match=rf"no folder '{path}'"):
            fetch_tree(f"{url}#main:{path}")
    with pytest.raises(SourceMissingError, match=r"did you mean 'app'"):
        fetch_tree(f"{url}#main:apq")


def test_a_subfolder_does_not_leave(fetch_tree: Fetch, gits: GitServer, repository: Repository, tmp_path: Path) -> None:
    """Neither by .. nor by a link."""
    (repository.folder / "out").symlink_to(tmp_path)
    repository.commit(main_py="x")
    for path in ("../..", "a/../../b", "/etc", "out"):
        with pytest.raises(UnsafeSourceError):
            fetch_tree(f"git+{gits.url}/app/.git#main:{path}")


def test_a_missing_reference_is_reported_with_similar_names(
    fetch_tree: Fetch, gits: GitServer, repository: Repository
) -> None:
    repository.commit(main_py="x")
    git(repository.folder, "branch", "release-1")
    with pytest.raises(SourceMissingError, match=r"no branch, tag or commit 'relase-1'.*did you mean 'release-1'"):
        fetch_tree(f"git+{gits.url}/app/.git#relase-1")
    with pytest.raises(SourceMissingError, match=r"no branch, tag or commit 'abcdef1'"):
        fetch_tree(f"git+{gits.url}/app/.git#abcdef1")
    with pytest.raises(SourceMissingError):
        fetch_tree(f"git+{gits.url}/nothing/.git")
    Repository(gits.root / "empty")
    with pytest.raises(SourceMissingError, match=r"has no commit"):
        fetch_tree(f"git+{gits.url}/empty/.git")


@pytest.mark.slow
def test_a_branch_named_like_a_commit_does_not_replace_it(
    fetch_tree: Fetch, gits: GitServer, repository: Repository
) -> None:
    """A pinned commit stays that commit, though someone pushes a branch of its name."""
    good = repository.commit(main_py="good")
    repository.commit(main_py="evil")
    git(repository.folder, "update-ref", f"refs/heads/{good}", "HEAD")
    assert read_tree(fetch_tree(f"git+{gits.url}/app/.git#{good}")) == {"main.py": "good"}


@pytest.mark.slow
def test_the_token_is_sent_in_each_form(fetch_tree: Fetch, gits: GitServer, repository: Repository) -> None:
    """GIT_TOKEN, GIT_USERNAME and GIT_PASSWORD, the URL: each reaches the server; none is shown or stored."""
    commit = repository.commit(main_py="x")
    url = f"git+{gits.url}/app/.git"
    for login, environ in (
        (("oauth2", "ghp_secret1"), {"GIT_TOKEN": "ghp_secret1\n"}),
        (("oauth2", "github_pat_secret1"), {"GIT_TOKEN": "github_pat_secret1"}),
        (("oauth2", "glpat-secret1"), {"GIT_TOKEN": "glpat-secret1", "GIT_USERNAME": "u", "GIT_PASSWORD": "p"}),
        (("other-secret1", "x-oauth-basic"), {"GIT_TOKEN": "other-secret1"}),
        (("user", 'pass$(id)"\\ word'), {"GIT_USERNAME": "user", "GIT_PASSWORD": 'pass$(id)"\\ word'}),
    ):
        gits.login = login
        tree = fetch_tree(url, **environ)
        assert (tree.revision, tree.uri) == (commit, url)
    gits.login = ("u@x", "p/w")
    tree = fetch_tree(f"git+http://u%40x:p%2Fw@{gits.host}/app/.git#main", GIT_TOKEN="wrong")
    assert tree.uri == f"{url}#main"


@pytest.mark.slow
def test_netrc_and_a_credential_helper_of_the_user_work(
    fetch_tree: Fetch, gits: GitServer, repository: Repository, home: Path
) -> None:
    """git's own ways to log in are left to it."""
    repository.commit(main_py="x")
    gits.login = ("user", "password1")
    (home / ".netrc").write_text("machine 127.0.0.1 login user password password1\n")
    assert fetch_tree(f"git+{gits.url}/app/.git").revision
    (home / ".netrc").unlink()
    (home / ".gitconfig").write_text(
        '[credential]\n\thelper = ""\n\thelper = "!f() { echo username=user; echo password=password1; }; f"\n'
    )
    assert fetch_tree(f"git+{gits.url}/app/.git").revision


def test_git_never_prompts_for_a_password(fetch_tree: Fetch, gits: GitServer, repository: Repository) -> None:
    """401 ends at once, with a hint, without the secret in the message; also from a terminal."""
    repository.commit(main_py="x")
    gits.login = ("user", "password1")
    start = time.monotonic()
    with pytest.raises(SourceAuthError, match=r"GIT_TOKEN"):
        fetch_tree(f"git+{gits.url}/app/.git")
    for source, environ in (
        (f"git+{gits.url}/app/.git", {"GIT_TOKEN": "wrongtoken"}),
        (f"git+http://user:wrongtoken@{gits.host}/app/.git", {}),
        (f"git+http://wrongtoken@{gits.host}/app/.git", {}),
    ):
        with pytest.raises(SourceAuthError) as caught:
            fetch_tree(source, **environ)
        assert "wrongtoken" not in str(caught.value)
    assert time.monotonic() - start < 30


@pytest.mark.slow
def test_credentials_go_to_the_sources_own_server_only(
    fetch_tree: Fetch, gits: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """A submodule on another server does not get our password."""
    other = GitServer(tmp_path / "repos")
    try:
        other.login = ("a", "b")
        repository.commit(main_py="x")
        repository.submodule("sub", f"{other.url}/app/.git", "1" * 40)
        gits.login = ("oauth2", "ghp_secret1")
        with pytest.raises(SourceAuthError):
            fetch_tree(f"git+{gits.url}/app/.git", GIT_TOKEN="ghp_secret1")
        assert other.requests
        assert not any(authorization for _, authorization in other.requests)
    finally:
        other.close()


@pytest.mark.slow
def test_no_secret_is_on_a_command_line(
    fetch_tree: Fetch, gits: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """Every git that is started is recorded: neither argv nor a file below .git holds the password."""
    repository.commit(main_py="x")
    gits.login = ("user", "password1")
    log = tmp_path / "argv"
    wrapped = tmp_path / "bin" / "git"
    wrapped.parent.mkdir()
    wrapped.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n{shutil.which("git")} "$@"; code=$?\n'
        f"cat .git/config .git/FETCH_HEAD >> {log} 2>/dev/null\nexit $code\n"
    )
    wrapped.chmod(0o755)
    path = f"{wrapped.parent}:{os.environ['PATH']}"
    fetch_tree(f"git+http://user:password1@{gits.host}/app/.git", PATH=path)
    text = log.read_text()
    assert "fetch" in text
    assert "FETCH_HEAD" in text
    assert "password1" not in text


@pytest.mark.parametrize(
    "source",
    [
        "git+https://-oProxyCommand=touch${IFS}OWNED/x",
        "git+ssh://-oProxyCommand=touch${IFS}OWNED/x",
        "git+ssh://-x@host/x",
        "git+ext::sh -c touch% OWNED",
        "git+ext://sh",
        "ext::sh -c touch% OWNED",
        "git+https://host/x\n--upload-pack=touch",
        "git+https://ho st/x",
        "git+https://host/x#--upload-pack=touch",
        "git+https://host/x#-b",
        "git+https://host/x#a\nb",
        "git+https://host/x#a..b",
        "git+https://host/x#a^{/x}",
        "git+https://host/x#@{-1}",
        "git+https://host/x#a&upload-pack=b",
        "git+https:///x",
        "git+file://relative/x",
        "git+ftp://host/x",
        "--upload-pack=touch OWNED",
        "-oProxyCommand=x",
    ],
)
def test_a_url_that_could_be_an_option_or_a_command_is_refused(fetch_tree: Fetch, source: str, tmp_path: Path) -> None:
    """Before git is started."""
    with pytest.raises(SourceError) as caught:
        fetch_tree(source, PATH="/nonexistent")
    assert not isinstance(caught.value, (ProgramMissingError, SourceUnreachableError))
    assert "\n" not in caught.value.message
    assert not list(tmp_path.rglob("OWNED"))


@pytest.mark.slow
def test_submodules_are_fetched(fetch_tree: Fetch, gits: GitServer, repository: Repository) -> None:
    """With relative URLs and within each other, at the commit that is recorded, not at the branch's head."""
    inner = Repository(gits.root / "inner")
    deep = inner.commit(z_py="z")
    middle = Repository(gits.root / "middle")
    middle.commit(m_py="m")
    recorded = middle.submodule("deps/inner", "../../inner/.git", deep)
    middle.commit(m_py="later")
    repository.commit(main_py="x")
    repository.submodule("lib/middle", "../../middle/.git", recorded)
    tree = fetch_tree(f"git+{gits.url}/app/.git")
    files = read_tree(tree)
    assert {name: files[name] for name in files if name.endswith(".py")} == {
        "main.py": "x", "lib/middle/m.py": "m", "lib/middle/deps/inner/z.py": "z",
    }  # fmt: skip
    assert not list(tree.path.rglob(".git"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "/etc",
        "ext::sh -c id",
        "ext://x",
        "--upload-pack=id",
        "-x",
        "../../../../../x",
        "ssh://-o/x",
        "host:x y",
    ],
)
def test_a_submodule_of_another_protocol_is_refused(
    fetch_tree: Fetch, gits: GitServer, repository: Repository, url: str
) -> None:
    """A repository cannot make the builder read this machine's files, or run a command."""
    repository.commit(main_py="x")
    repository.submodule("sub", url, "1" * 40)
    with pytest.raises(UnsafeSourceError, match=r"submodule"):
        fetch_tree(f"git+{gits.url}/app/.git")


@pytest.mark.parametrize("path", ["../../out", "/tmp/out", "a/../../out"])
def test_a_submodule_out_of_the_tree_is_refused(
    fetch_tree: Fetch, gits: GitServer, repository: Repository, path: str
) -> None:
    repository.commit(main_py="x")
    text = f'[submodule "x"]\n\tpath = {path}\n\turl = ./x\n\tupdate = "!touch OWNED"\n'
    repository.submodule("sub", "", "1" * 40, text)
    with pytest.raises(UnsafeSourceError, match=r"gitmodules"):
        fetch_tree(f"git+{gits.url}/app/.git")


def test_a_submodule_without_a_url_is_left_empty(fetch_tree: Fetch, gits: GitServer, repository: Repository) -> None:
    """As git leaves it, with a warning."""
    repository.commit(main_py="x")
    repository.submodule("sub", "", "1" * 40, "# nothing\n")
    tree = fetch_tree(f"git+{gits.url}/app/.git")
    assert "'sub' is a submodule that `.gitmodules` does not know" in tree.warnings[0]


@pytest.mark.slow
def test_links_and_modes_are_as_in_the_commit(fetch_tree: Fetch, gits: GitServer, repository: Repository) -> None:
    """The executable bit stays, whatever the umask; a link within the tree stays; one out of it is refused."""
    (repository.folder / "run.sh").write_text("#!/bin/sh\n")
    (repository.folder / "run.sh").chmod(0o755)
    (repository.folder / "link").symlink_to("run.sh")
    repository.commit(main_py="x")
    old = os.umask(0o077)
    try:
        tree = fetch_tree(f"git+{gits.url}/app/.git")
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in (tree.path, *tree.path.iterdir())}
    assert (modes["run.sh"], modes["main.py"], modes[tree.path.name]) == (0o755, 0o644, 0o755)
    assert read_tree(tree)["link"] == ("run.sh",)
    (repository.folder / "link").unlink()
    (repository.folder / "link").symlink_to("../../../../etc/passwd")
    repository.commit()
    with pytest.raises(UnsafeSourceError, match=r"'link' -> .* leads out of the source"):
        fetch_tree(f"git+{gits.url}/app/.git")


def test_no_program_of_a_git_configuration_is_run(
    fetch_tree: Fetch, gits: GitServer, repository: Repository, home: Path, tmp_path: Path
) -> None:
    """Hooks, filters, fsmonitor of the user's configuration, and variables of a hook that called us, have no effect."""
    repository.commit(main_py="x")
    (repository.folder / ".gitattributes").write_text("*.py filter=evil\n")
    repository.commit()
    owned = tmp_path / "owned"
    hook = tmp_path / "hooks" / "post-checkout"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {owned}\n")
    hook.chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[core]\n\thooksPath = {hook.parent}\n\tfsmonitor = "touch {owned}"\n'
        f'[filter "evil"]\n\tsmudge = "touch {owned}; cat"\n'
    )
    tree = fetch_tree(
        f"git+{gits.url}/app/.git", GIT_DIR="/nonexistent", GIT_INDEX_FILE="/nonexistent",
        GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="core.hooksPath", GIT_CONFIG_VALUE_0=str(hook.parent),
    )  # fmt: skip
    assert read_tree(tree)["main.py"] == "x"
    assert not owned.exists()


def test_a_folder_is_a_repository_too(fetch_tree: Fetch, repository: Repository) -> None:
    """git+file; a submodule of it may not be another folder of this machine."""
    commit = repository.commit(main_py="x")
    assert fetch_tree(f"git+file://{repository.folder}#main").revision == commit
    with pytest.raises(SourceMissingError):
        fetch_tree(f"git+file://{repository.folder}x")
    assert fetch_tree(f"git+file://{repository.folder}#main", offline=True).revision == commit
    repository.submodule("sub", "../other", "1" * 40)
    with pytest.raises(UnsafeSourceError, match=r"submodule 'sub'.*only https and ssh"):
        fetch_tree(f"git+file://{repository.folder}")


@pytest.mark.slow
def test_a_digest_depends_on_the_content_alone(fetch_tree: Fetch, gits: GitServer, repository: Repository) -> None:
    """The same files from git and from a folder have one digest; another time or author changes nothing."""
    repository.commit(main_py="x", pkg__a_py="a")
    first = fetch_tree(f"git+{gits.url}/app/.git")
    local = fetch_tree(str(repository.folder))
    again = repository.commit()
    second = fetch_tree(f"git+{gits.url}/app/.git")
    assert first.digest == local.digest == second.digest
    assert second.revision == again != first.revision


@pytest.mark.slow
def test_a_commit_that_is_too_large_is_refused_before_it_is_written(
    fetch_tree: Fetch, gits: GitServer, repository: Repository
) -> None:
    """Also the bomb of a few bytes: trees of trees that are all the same."""
    repository.commit(main_py="x" * 5000)
    with pytest.raises(UnsafeSourceError, match=r"holds more than 2.0 KiB"):
        fetch_tree(f"git+{gits.url}/app/.git", OVENBIRD_SOURCE_LIMIT="2KiB")
    tree = git(repository.folder, "rev-parse", "HEAD^{tree}")
    for _ in range(12):
        listing = "".join(f"040000 tree {tree}\td{number}\n" for number in range(10))
        process = subprocess.run(
            ["git", "mktree"], input=listing, cwd=repository.folder, capture_output=True, check=True, text=True
        )
        tree = process.stdout.strip()
    bomb = git(repository.folder, "commit-tree", "-m", "x", tree)
    git(repository.folder, "update-ref", "refs/heads/bomb", bomb)
    with pytest.raises(UnsafeSourceError, match=r"100000 files"):
        fetch_tree(f"git+{gits.url}/app/.git#bomb")
    tree = git(repository.folder, "rev-parse", "HEAD^{tree}")
    for _ in range(300):
        tree = git(repository.folder, "mktree", stdin=f"040000 tree {tree}\td\n")
    git(repository.folder, "update-ref", "refs/heads/deep", git(repository.folder, "commit-tree", "-m", "x", tree))
    with pytest.raises(UnsafeSourceError, match="200 folders deep"):
        fetch_tree(f"git+{gits.url}/app/.git#deep")


@pytest.mark.slow
def test_a_server_that_hangs_ends_at_the_time_limit(fetch_tree: Fetch, server: Server) -> None:
    """git and its children are ended."""
    release = threading.Event()
    server.answer = lambda request: release.wait(20)
    start = time.monotonic()
    try:
        with pytest.raises(SourceUnreachableError, match=r"time limit of 1 s"):
            fetch_tree(f"git+{server.url}/app", timeout=1)
        assert time.monotonic() - start < 6
    finally:
        release.set()


def test_an_unreachable_server_is_reported(fetch_tree: Fetch, server: Server) -> None:
    server.close()
    with pytest.raises(SourceUnreachableError, match=r"Failed to connect|refused"):
        fetch_tree(f"git+{server.url}/app")
    server.__init__()


def test_without_git_the_program_is_named(fetch_tree: Fetch) -> None:
    with pytest.raises(ProgramMissingError, match=r"'git' is not installed"):
        fetch_tree("git+https://127.0.0.1/x", PATH="/nonexistent")


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(
    fetch_tree: Fetch, gits: GitServer, repository: Repository, full_disk: Path
) -> None:
    (repository.folder / "big").write_bytes(os.urandom(3_000_000))
    repository.commit(main_py="x")
    with pytest.raises(SourceError, match=r"disk.* is full"):
        fetch_tree(f"git+{gits.url}/app/.git", into=full_disk / "tree")


@pytest.fixture
def sshd(tmp_path: Path, home: Path) -> str:
    """A real ssh server on a free port, with a key of its own; the command that reaches it."""
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(program).exists():
        pytest.skip("no sshd (openssh-server), which would open a port of this machine when installed")
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    config = folder / "config"
    config.write_text(
        f"HostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\nPidFile none\n"
        "PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    # inetd mode, one server for each connection: no port to choose and nothing to end
    proxy = f"{program} -i -f {config}"
    return (
        f"ssh -F none -o BatchMode=yes -i {folder}/user -o ProxyCommand='{proxy}' -o UserKnownHostsFile={folder}/known"
    )


def test_ssh(fetch_tree: Fetch, repository: Repository, sshd: str) -> None:
    """A real sshd: an unknown host is refused without a question, a known one is fetched from."""
    commit = repository.commit(main_py="x")
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    source = f"git+ssh://{user}@example.test{repository.folder}#main"
    with pytest.raises(SourceAuthError, match=r"Host key verification failed"):
        fetch_tree(source, GIT_SSH_COMMAND=f"{sshd} -o StrictHostKeyChecking=yes")
    tree = fetch_tree(source, GIT_SSH_COMMAND=f"{sshd} -o StrictHostKeyChecking=accept-new")
    assert (tree.revision, tree.uri) == (commit, source)
    with pytest.raises(SourceAuthError, match=r"Permission denied"):
        fetch_tree(source.replace(user, "nobody"), GIT_SSH_COMMAND=f"{sshd} -o StrictHostKeyChecking=accept-new")


def test_ssh_by_a_program_of_the_users(fetch_tree: Fetch, repository: Repository, tmp_path: Path) -> None:
    """GIT_SSH_COMMAND is honoured; host, user and port reach it as they were written."""
    commit = repository.commit(main_py="x")
    script = tmp_path / "ssh"
    script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nfor last; do :; done\nexec sh -c "$last"\n')
    script.chmod(0o755)
    tree = fetch_tree(f"git+ssh://me@example.test:2222{repository.folder}", GIT_SSH_COMMAND=str(script))
    assert tree.revision == commit
    assert "-p 2222 me@example.test git-upload-pack" in (tmp_path / "asked").read_text()
    script.write_text("#!/bin/sh\necho 'me@example.test: Permission denied (publickey).' >&2; exit 255\n")
    with pytest.raises(SourceAuthError, match=r"Permission denied.*is the key in the agent"):
        fetch_tree(f"git+ssh://me@example.test{repository.folder}", GIT_SSH_COMMAND=str(script))


@pytest.mark.slow
def test_large_files_are_fetched_with_git_lfs(
    fetch_tree: Fetch, gits: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """With the program, the file; without it, its pointer and a warning."""
    if not shutil.which("git-lfs"):
        pytest.fail("needs git-lfs: apt-get install git-lfs")
    content = b"large file\n" * 1000
    import hashlib
    import json

    oid = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    (repository.folder / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (repository.folder / "model.bin").write_text(pointer)
    repository.commit(main_py="x")
    answer = gits.answer

    def lfs(request: BaseHTTPRequestHandler) -> None:
        if "/info/lfs/" not in request.path and not request.path.startswith("/object"):
            answer(request)
            return
        request.rfile.read(int(request.headers.get("Content-Length") or 0))
        body = content
        if request.path.endswith("/batch"):
            action = {"download": {"href": f"{gits.url}/object"}}
            body = json.dumps({"objects": [{"oid": oid, "size": len(content), "actions": action}]}).encode()
        send_reply(request, body, Content_Type="application/vnd.git-lfs+json")

    gits.answer = lfs
    tree = fetch_tree(f"git+{gits.url}/app/.git")
    assert (tree.path / "model.bin").read_bytes() == content
    assert not [warning for warning in tree.warnings if "lfs" in warning]
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in ("git", "sh"):
        (bare / name).symlink_to(shutil.which(name) or "")
    tree = fetch_tree(f"git+{gits.url}/app/.git", PATH=str(bare))
    assert (tree.path / "model.bin").read_text() == pointer
    assert "git-lfs, which is not installed" in tree.warnings[0]


def _lfs_pointer(repository: Repository, config: str) -> None:
    """Commit a file that git-lfs has to fetch, and a `.lfsconfig`."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'1' * 64}\nsize 10\n"
    (repository.folder / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (repository.folder / ".lfsconfig").write_text(config)
    (repository.folder / "model.bin").write_text(pointer)
    repository.commit(main_py="x")


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        "[lfs]\n\turl = {url}/elsewhere\n",
        "[LFS]\n\tURL = {url}/elsewhere\n",
        '[remote "origin"]\n\tlfsurl = {url}/elsewhere\n',
        "[lfs]\n\turl = ssh://git@{host}/elsewhere\n",
        "[lfs]\n\turl = git@{host}:elsewhere\n",
        "[lfs]\n\turl = file:///etc\n",
        "[lfs]\n\turl = /etc\n",
        "[lfs\n",
        "[include]\n\tpath = /etc/gitconfig\n",
    ],
)
def test_lfs_uses_only_the_host_of_the_source(
    fetch_tree: Fetch, gits: GitServer, server: Server, repository: Repository, config: str
) -> None:
    """A `.lfsconfig` of a repository sends the builder nowhere else: that server hears nothing."""
    _lfs_pointer(repository, config.format(url=server.url.replace("127.0.0.1", "localhost"), host="localhost"))
    server.answer = lambda request: send_reply(request, b"{}")
    with pytest.raises(SourceError, match=r"\.lfsconfig") as caught:
        fetch_tree(f"git+{gits.url}/app/.git")
    assert 30 <= caught.value.exit_code <= 39
    assert server.requests == []


@pytest.mark.slow
def test_a_host_of_lfs_may_be_allowed(
    fetch_tree: Fetch, gits: GitServer, server: Server, repository: Repository
) -> None:  # fmt: skip
    """`--allow-host` names it; the same host at another path needs no leave."""
    _lfs_pointer(repository, f"[lfs]\n\turl = {server.url.replace('127.0.0.1', 'localhost')}/there\n")
    server.answer = lambda request: send_reply(request, b"{}", 404)
    with pytest.raises(SourceError) as caught:
        fetch_tree(f"git+{gits.url}/app/.git", network=NetworkSettings(hosts=("localhost",)))
    assert "--allow-host" not in str(caught.value)
    assert {path.partition("?")[0] for _, path, _ in server.requests} == {"/there/objects/batch"}
    _lfs_pointer(repository, f"[lfs]\n\turl = {server.url}/here\n")
    with pytest.raises(SourceError) as caught:
        fetch_tree(f"git+{gits.url}/app/.git")
    assert "--allow-host" not in str(caught.value)
    assert {path.partition("?")[0] for _, path, _ in server.requests} == {"/there/objects/batch", "/here/objects/batch"}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "ssh"])
def test_a_submodule_on_another_host_is_refused(
    fetch_tree: Fetch, gits: GitServer, server: Server, repository: Repository, scheme: str
) -> None:
    """Until that host is allowed; it hears nothing before."""
    port = server.url.rpartition(":")[2]
    repository.commit(main_py="x")
    repository.submodule("sub", f"{scheme}://localhost:{port}/sub", "1" * 40)
    with pytest.raises(UnsafeSourceError, match=r"'sub' is on the host 'localhost'.*\(`--allow-host localhost` allows"):
        fetch_tree(f"git+{gits.url}/app/.git")
    assert server.requests == []


@pytest.mark.slow
def test_a_submodule_on_a_host_that_is_allowed(fetch_tree: Fetch, gits: GitServer, repository: Repository) -> None:
    """It is fetched, and one within it is measured by the source's host, not by its own."""
    other = Repository(gits.root / "other")
    deep = Repository(gits.root / "deep").commit(z_py="z")
    other.commit(o_py="o")
    recorded = other.submodule("deep", "../../deep/.git", deep)
    repository.commit(main_py="x")
    address = gits.url.replace("127.0.0.1", "localhost")
    repository.submodule("sub", f"{address}/other/.git", recorded)
    tree = fetch_tree(f"git+{gits.url}/app/.git", network=NetworkSettings(hosts=("localhost",)))
    assert (tree.path / "sub" / "deep" / "z.py").read_text() == "z"
    own = fetch_tree(f"git+{address}/app/.git")
    assert (own.path / "sub" / "o.py").read_text() == "o"


@pytest.mark.slow
def test_the_configuration_of_a_repository_redirects_nothing(
    fetch_tree: Fetch, gits: GitServer, server: Server, repository: Repository
) -> None:
    """`url.*.insteadOf`, `http.proxy` and includes in its `.gitmodules` and `.lfsconfig` are no configuration."""
    host = server.url.partition("//")[2]
    lines = f'[http]\n\tproxy = {host}\n[url "{host}"]\n\tinsteadOf = http\n'
    (repository.folder / ".lfsconfig").write_text(lines)
    repository.commit(main_py="x")
    inner = Repository(gits.root / "inner").commit(i_py="i")
    text = f'[include]\n\tpath = config\n{lines}[submodule "s"]\n\tpath = sub\n\turl = ../../inner/.git\n'
    repository.submodule("sub", "", inner, text)
    tree = fetch_tree(f"git+{gits.url}/app/.git")
    assert (tree.path / "sub" / "i.py").read_text() == "i"
    assert server.requests == []
