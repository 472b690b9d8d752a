"""Options in a requirements file, read by `optparse` as pip reads them: shortened, attached, quoted, several in a line.

What an option asks for is done, or refused with the way out. A file of a source may not choose where packages come
from, nor put variables of this machine anywhere.
"""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from ovenbird.common import source_url
from ovenbird.common.redact import redact_text
from ovenbird.common.text import show_value

from ..errors import LockError

if TYPE_CHECKING:
    from optparse import OptionParser

ALL = ":all:"
_APPEND = {
    "requirements": ("-r", "--requirement"), "constraints": ("-c", "--constraint"), "editables": ("-e", "--editable"),
    "index_urls": ("-i", "--index-url", "--pypi-url"), "extra_index_urls": ("--extra-index-url",),
    "find_links": ("-f", "--find-links"), "trusted_hosts": ("--trusted-host",), "no_binary": ("--no-binary",),
    "only_binary": ("--only-binary",), "all_releases": ("--all-releases",), "only_final": ("--only-final",),
    "features": ("--use-feature",), "hashes": ("--hash",),
    "settings": ("-C", "--config-setting", "--config-settings"),
}  # fmt: skip
_FLAGS = {
    "no_index": "--no-index", "prefer_binary": "--prefer-binary", "require_hashes": "--require-hashes",
    "no_require_hashes": "--no-require-hashes", "pre": "--pre",
}  # fmt: skip
_SIZES = {"sha256": 64, "sha384": 96, "sha512": 128}  # hex digits of the algorithms that pip takes
_LONGEST = 100_000  # characters of the options in a line, but for the hashes: shlex reads them one by one
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


@cache
def _make_parser() -> OptionParser:
    from optparse import OptionParser  # most files have no option but `--hash`

    class Parser(OptionParser):
        def error(self, msg: str) -> NoReturn:
            raise ValueError(msg)

    parser = Parser(add_help_option=False, prog="")
    for dest, names in _APPEND.items():
        parser.add_option(*names, dest=dest, action="append", default=None)
    for dest, name in _FLAGS.items():
        parser.add_option(name, dest=dest, action="store_true", default=False)
    return parser


def parse_options(words: str, where: str) -> Any:
    """Return the options of a line as attributes: lists of values (None for absent ones), and booleans.

    Errors: LockError for what is not an option of pip's, lacks its value, or stands beside another word.
    """
    if len(words) > _LONGEST:
        raise LockError(f"{where}: options of more than {_LONGEST} characters are not read")
    try:
        options, rest = _make_parser().parse_args(shlex.split(words))
    except ValueError as error:  # shlex's too: a quote that is not closed
        raise LockError(
            f"{where}: the option {show_value(redact_text(words))} cannot be read: {redact_text(str(error))}",
            hint="the options of a requirements file are those that pip knows",
        ) from None
    if rest:
        raise LockError(
            f"{where}: {show_value(redact_text(' '.join(rest)))} behind an option is not read",
            hint="write a requirement on a line of its own, and quote a name with blanks",
        )
    return options


def check_hash(value: str, where: str) -> str:
    """Return a hash in lower case. Errors: LockError for one that pip does not take."""
    algorithm, _, digits = value.lower().partition(":")
    if len(digits) != _SIZES.get(algorithm, 0) or not re.fullmatch("[0-9a-f]+", digits):
        raise LockError(
            f"{where}: expected `--hash=sha256:HEX`, `sha384` or `sha512`, found {show_value(value)}",
            hint="pip hash FILE prints it",
        )
    return f"{algorithm}:{digits}"


def check_variables(text: str, where: str) -> None:
    """Refuse `${NAME}`, which pip takes from the environment. Errors: LockError, with the way out."""
    if match := _VARIABLE.search(text):
        raise LockError(
            f"{where}: the variable `{match[0]}` is not filled in: a source must not read the environment of whoever"
            " builds it",
            hint="write the value; a password comes from .netrc, and `--requirement` takes what your shell fills in",
        )


def format_control(values: list[str], where: str) -> tuple[str, ...]:
    """Return the names of `--only-binary`, of which `:none:` takes back what stood before it, as with pip."""
    from packaging.utils import InvalidName, canonicalize_name

    names: list[str] = []
    for word in ",".join(values).split(","):
        if word == ":none:":
            names.clear()
        elif word == ALL:
            names.append(ALL)
        elif word.strip():
            try:
                names.append(canonicalize_name(word.strip(), validate=True))
            except InvalidName:
                raise LockError(
                    f"{where}: expected names of packages, `:all:` or `:none:`, found {show_value(word)}"
                ) from None
    return tuple(names)


def is_same_index(url: str, indexes: tuple[str, ...]) -> bool:
    """Return whether a URL is one of these, whatever login it names."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    bare = source_url.strip_credentials(parts._replace(query=""))
    return bare.rstrip("/").lower() in {index.lower() for index in indexes}


def parse_hashes(words: str, where: str) -> list[str]:
    """Return the values of `--hash` behind a requirement. Errors: LockError for any other option there."""
    try:
        options = parse_options(words, where)
    except LockError as error:
        raise LockError(f"{error.message}; an option must not be in a requirement", hint=error.hint) from None
    others = {dest: names for dest, names in _APPEND.items() if dest != "hashes" and getattr(options, dest)}
    flags = [name for dest, name in _FLAGS.items() if getattr(options, dest)]
    if "settings" in others:
        raise LockError(
            f"{where}: an option must not be in a requirement: `--config-settings` is not passed to a build",
            hint="build the wheel yourself, and name its file",
        )
    if others or flags:
        name = flags[0] if flags else next(iter(others.values()))[-1]
        raise LockError(
            f"{where}: an option must not be in a requirement, found `{name}`", hint="write it on a line of its own"
        )
    return options.hashes or []


def apply_options(options: Any, where: str, into: Any, indexes: tuple[str, ...]) -> None:
    """Put what the options of a line ask for into a `RequirementsFile`. Errors: LockError for what is not followed."""
    _check_indexes(options, where, into, indexes)
    if options.hashes or options.settings:
        name = "--hash" if options.hashes else "--config-settings"
        raise LockError(
            f"{where}: `{name}` without a requirement",
            hint="a requirement that goes on in the next line ends in a backslash",
        )
    if options.no_binary and (names := format_control(options.no_binary, where)):
        raise LockError(
            f"{where}: `--no-binary {','.join(names)}`: a wheel is taken where there is one",
            hint="name its source instead: NAME @ https://…/NAME-VERSION.tar.gz",
        )
    if options.only_final:
        raise LockError(f"{where}: `--only-final` is not supported", hint="name the version")
    for value in options.all_releases or ():
        if value != ALL:
            raise LockError(
                f"{where}: `--all-releases` {show_value(value)} is followed for `:all:` only",
                hint="a requirement that names a pre-release takes them: NAME>=2a0",
            )
        into.pre = True
    into.pre |= options.pre
    into.require_hashes |= options.require_hashes and not options.no_require_hashes
    if options.only_binary:
        names = format_control(options.only_binary, where)
        into.only_binary = tuple(sorted({*into.only_binary, *names})) if names else ()


def _check_indexes(options: Any, where: str, into: Any, indexes: tuple[str, ...]) -> None:
    """Refuse an index that the caller has not given; say what of the rest is not followed."""
    for name, values in (("--index-url", options.index_urls), ("--extra-index-url", options.extra_index_urls)):
        for value in values or ():
            if not is_same_index(value, indexes):
                raise LockError(
                    f"{where}: `{name}` in a file of the source is not followed: it may not choose where packages come"
                    f" from, found {show_value(redact_text(value))}",
                    hint="give it yourself: `--index-url` or `--extra-index-url`",
                )
    if options.no_index:
        raise LockError(
            f"{where}: `--no-index` in a file of the source is not followed: it may not choose where packages"
            " come from",
            hint="name the files instead: `./wheels/NAME-VERSION-py3-none-any.whl`, or give `--index-url`",
        )
    for value in options.trusted_hosts or ():
        into.notes.append(
            f"{where}: `--trusted-host` {show_value(value)} is not followed: certificates are checked;"
            " `--ca-bundle FILE` names your site's certificate authority"
        )
