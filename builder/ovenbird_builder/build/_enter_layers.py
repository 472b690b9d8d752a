"""Run a program on layers, mounted one over the other: a root of its own, no network, no rights, nothing of the host.

Usage: python -I -S _enter_layers.py FOLDER LAYERS FRESH MOUNTPOINT UID GID WORKDIR PROGRAM ARGUMENT... < ENVIRONMENT

FOLDER is where LAYERS lie: their paths, the topmost first, joined by colons. FRESH is a folder of more files on top of
them (empty for none), MOUNTPOINT an empty folder. What the program writes stays in memory and is gone at its
end. ENVIRONMENT holds `NAME=VALUE` ended by zero bytes. Has to be started as root. The status is the program's, or 97
where it could not be started.
"""

# ruff: noqa: PTH102, PTH103, PTH123, PTH211, S606 (nothing more is imported, and there is no shell)

import _signal  # type: ignore[import-not-found]  # `signal` imports what this has no use for
import ctypes
import os
import sys

_NEW = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000  # mounts, host name, IPC, processes, network
_NOSUID, _NODEV, _NOEXEC, _READ_ONLY, _PRIVATE, _DETACH = 2, 4, 8, 1, 0x4000 | 0x40000, 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "ppc64le": 203, "s390x": 217}
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_NOT_STARTED = 97
_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    _call("mount", source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode() or None)


def _assemble(folder: str, layers: str, fresh: str, mount_point: str) -> None:
    """Mount the layers below MOUNTPOINT, with what a program expects, and make them the root."""
    _mount("none", "/", "none", _PRIVATE)
    _mount("tmpfs", mount_point, "tmpfs", _NOSUID | _NODEV, "mode=755")
    root, upper, work = (f"{mount_point}/{name}" for name in ("root", "upper", "work"))
    for path in (root, upper, work):
        os.mkdir(path, 0o755)
    os.chdir(folder)  # short paths: the options are one page
    lower = f"{fresh}:{layers}" if fresh else layers
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    if len(options) > 4000:
        raise OSError(0, "too many layers")
    _mount("overlay", root, "overlay", _NOSUID | _NODEV, options)
    os.chdir(root)
    for name in ("proc", "sys", "dev"):
        os.makedirs(name, 0o755, exist_ok=True)
    _mount("proc", "proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    _mount("sysfs", "sys", "sysfs", _NOSUID | _NODEV | _NOEXEC | _READ_ONLY)
    _mount("tmpfs", "dev", "tmpfs", _NOSUID | _NOEXEC, "mode=755")
    for name, (major, minor) in _DEVICES.items():
        os.mknod(f"dev/{name}", 0o020666, os.makedev(major, minor))
    for name, link in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        os.symlink(f"/proc/self/fd{link}", f"dev/{name}")
    os.mkdir("dev/shm")
    _mount("tmpfs", "dev/shm", "tmpfs", _NOSUID | _NODEV | _NOEXEC, "mode=1777")
    if _libc.syscall(_PIVOT_ROOT[os.uname().machine], b".", b".") != 0:
        raise OSError(ctypes.get_errno(), "pivot_root")
    _call("umount2", b".", _DETACH)
    os.chdir("/")


def _find_home(uid: str) -> str:
    """Return the home of a user, as containers set it."""
    try:
        with open("/etc/passwd", encoding="utf-8", errors="replace") as file:
            rows = [line.rstrip("\n").split(":") for line in file]
    except OSError:
        return "/"
    return next((row[5] for row in rows if len(row) == 7 and row[2] == uid), "/")


def _become(uid: str, gid: str) -> None:
    """Give up every right: what is run may be anybody's code."""
    _call("prctl", 38, 1, 0, 0, 0)  # no new rights by what is executed
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))


def _start(
    folder: str, layers: str, fresh: str, mount_point: str, uid: str, gid: str, workdir: str, *command: str
) -> None:
    environ = dict(part.split(b"=", 1) for part in sys.stdin.buffer.read().split(b"\0") if part)
    os.umask(0)
    _assemble(folder, layers, fresh, mount_point)
    os.umask(0o022)
    os.close(0)
    os.open("/dev/null", os.O_RDONLY)
    environ.setdefault(b"HOME", os.fsencode(_find_home(uid)))
    _become(uid, gid)
    os.chdir(workdir)
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    os.execve(command[0], command, environ)


def main(arguments: list[str]) -> int:
    """Run the program in namespaces of its own; its status."""
    try:
        _call("unshare", _NEW)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return _NOT_STARTED
    child = os.fork()
    if not child:
        try:
            _call("prctl", 1, _signal.SIGKILL, 0, 0, 0)  # ends with this process
            _start(*arguments)
        except BaseException as error:
            sys.stderr.write(f"{error}\n")
        os._exit(_NOT_STARTED)
    status = os.waitpid(child, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
