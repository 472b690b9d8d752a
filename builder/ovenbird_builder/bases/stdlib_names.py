"""The names of the modules of the standard library, by version: the builder's Python has others than the target's.

Made of `sys.stdlib_module_names` of CPython 3.10.13, 3.11.7, 3.12.1, 3.13.0 and 3.14.
"""

from __future__ import annotations

from ovenbird.common.units import read_whole

_ALL = frozenset(
    """
    __future__ _abc _aix_support _ast _asyncio _bisect _blake2 _bz2 _codecs _codecs_cn _codecs_hk _codecs_iso2022
    _codecs_jp _codecs_kr _codecs_tw _collections _collections_abc _compat_pickle _contextvars _csv _ctypes
    _curses _curses_panel _datetime _dbm _decimal _elementtree _frozen_importlib _frozen_importlib_external
    _functools _gdbm _hashlib _heapq _imp _io _json _locale _lsprof _lzma _markupbase _md5 _multibytecodec
    _multiprocessing _opcode _operator _osx_support _overlapped _pickle _posixshmem _posixsubprocess _py_abc
    _pydecimal _pyio _queue _random _scproxy _sha1 _sha3 _signal _sitebuiltins _socket _sqlite3 _sre _ssl _stat
    _statistics _string _strptime _struct _symtable _thread _threading_local _tkinter _tracemalloc _uuid _warnings
    _weakref _weakrefset _winapi _zoneinfo abc antigravity argparse array ast asyncio atexit base64 bdb binascii
    bisect builtins bz2 cProfile calendar cmath cmd code codecs codeop collections colorsys compileall concurrent
    configparser contextlib contextvars copy copyreg csv ctypes curses dataclasses datetime dbm decimal difflib
    dis doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib
    functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib
    imaplib importlib inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox marshal
    math mimetypes mmap modulefinder msvcrt multiprocessing netrc nt ntpath nturl2path numbers opcode operator
    optparse os pathlib pdb pickle pickletools pkgutil platform plistlib poplib posix posixpath pprint profile
    pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource
    rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtplib socket socketserver
    sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess symtable
    sys sysconfig syslog tabnanny tarfile tempfile termios textwrap this threading time timeit tkinter token
    tokenize trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uuid venv
    warnings wave weakref webbrowser winreg winsound wsgiref xml xmlrpc zipapp zipfile zipimport zlib zoneinfo
    """.split()
)
_MORE = {
    "3.10": """
        _bootsubprocess _compression _crypt _msi _sha256 _sha512 aifc asynchat asyncore audioop binhex cgi
        cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib ossaudiodev pipes smtpd
        sndhdr spwd sunau telnetlib uu xdrlib
    """,
    "3.11": """
        _bootsubprocess _compression _crypt _msi _sha256 _sha512 _tokenize _typing aifc asynchat asyncore
        audioop cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib ossaudiodev
        pipes smtpd sndhdr spwd sunau telnetlib tomllib uu xdrlib
    """,
    "3.12": """
        _compression _crypt _msi _pydatetime _pylong _sha2 _tokenize _typing aifc audioop cgi cgitb chunk
        crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes sndhdr spwd sunau telnetlib tomllib
        uu xdrlib
    """,
    "3.13": """
        _android_support _colorize _compression _interpchannels _interpqueues _interpreters _ios_support
        _opcode_metadata _pydatetime _pylong _pyrepl _sha2 _suggestions _sysconfig _tokenize _typing _wmi
        tomllib
    """,
    "3.14": """
        _android_support _apple_support _ast_unparse _colorize _hmac _interpchannels _interpqueues
        _interpreters _ios_support _opcode_metadata _py_warnings _pydatetime _pylong _pyrepl _remote_debugging
        _sha2 _suggestions _sysconfig _tokenize _types _typing _wmi _zstd annotationlib compression tomllib
    """,
}


def list_stdlib_names(version: str) -> frozenset[str]:
    """Return the modules of a Python (`3.12`); of a version that is not known here, those of the nearest one."""
    minor = read_whole(version.split(".")[1] if "." in version else "", 0)
    added = {int(name.partition(".")[2]): words for name, words in _MORE.items()}
    return _ALL | frozenset(added[min(max(minor, min(added)), max(added))].split())


def is_removed_in(name: str, version: str) -> bool:
    """Return whether a module was of the standard library before a Python (`3.12`), and is not in it any more."""
    before = any(name in words.split() for words in _MORE.values())
    return before and name not in list_stdlib_names(version)
