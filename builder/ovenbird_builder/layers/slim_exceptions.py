"""Packages that read at run time what others only need when they are built: data for `slim`.

A row is a pattern of normalised names, the kinds that such a package keeps, and why. What a distribution's own modules
import, or name as a file, is found by `slim` itself and needs no row.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache

TESTS, HEADERS, SOURCES, LIBRARIES, STUBS, SYMBOLS = KINDS = (
    "tests", "headers", "sources", "libraries", "stubs", "symbols",
)  # fmt: skip
_COMPILED = (HEADERS, SOURCES, LIBRARIES)  # what a compiler reads

_ROWS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    # compilers, and what compiles a user's code while it runs
    ("cffi", _COMPILED, "`ffi.verify` and `ffibuilder.compile` include its headers"),
    ("cppyy*", (*_COMPILED, SYMBOLS), "its interpreter reads C++ headers, and finds symbols in libraries"),
    ("cupy*", _COMPILED, "kernels are compiled with its headers at the first call"),
    ("cuda-*", _COMPILED, "headers for kernels that are compiled at the first call"),
    ("cython*", _COMPILED, "compiles with its own utility code and definitions"),
    ("cysignals", _COMPILED, "its macros are headers"),
    ("dace", _COMPILED, "generated code includes its runtime"),
    ("deepspeed", _COMPILED, "operators are compiled when they are first used"),
    ("flashinfer*", _COMPILED, "kernels are compiled when they are first used"),
    ("gt4py", _COMPILED, "stencils are compiled when they are first used"),
    ("httpstan", _COMPILED, "models are compiled with its headers"),
    ("libclang", _COMPILED, "reads the headers of its compiler"),
    ("mypy", _COMPILED, "mypyc compiles with its runtime"),
    ("nanobind", _COMPILED, "is a library of headers and sources"),
    ("numba*", _COMPILED, "compiles device code with its own headers"),
    ("nvidia-*", (*_COMPILED, SYMBOLS), "headers for kernels that are compiled at the first call; a license as below"),
    ("nodejs-*", (*KINDS,), "is a whole Node.js, with modules of its own"),
    ("prophet", _COMPILED, "brings CmdStan"),
    ("*pystan*", _COMPILED, "models are compiled with its headers"),
    ("cmdstanpy", _COMPILED, "models are compiled"),
    ("pybind11*", _COMPILED, "is a library of headers"),
    ("pycuda", _COMPILED, "kernels include its headers"),
    ("pyopencl", _COMPILED, "kernels include its headers"),
    ("pytensor", _COMPILED, "graphs are compiled when they are first used"),
    ("theano*", _COMPILED, "graphs are compiled when they are first used"),
    ("aesara", _COMPILED, "graphs are compiled when they are first used"),
    ("pythran*", _COMPILED, "compiles with its own headers"),
    ("brian2", _COMPILED, "models are compiled from its templates"),
    ("rpy2*", _COMPILED, "reads R's headers when it is imported"),
    ("taichi*", _COMPILED, "kernels are compiled when they are first used"),
    ("tilelang", _COMPILED, "kernels are compiled when they are first used"),
    ("torch", _COMPILED, "`torch.compile` and `torch.utils.cpp_extension` include its headers"),
    ("triton*", _COMPILED, "its drivers are compiled when they are first used"),
    ("pytorch-triton*", _COMPILED, "its drivers are compiled when they are first used"),
    ("apache-tvm*", _COMPILED, "compiles with its own headers"),
    ("warp-lang", _COMPILED, "kernels are compiled with its own headers"),
    ("xformers", _COMPILED, "brings sources of kernels"),
    ("ziglang", (*KINDS,), "is a whole compiler with its C library"),
    ("*-devel", _COMPILED, "is there for its headers"),
    ("*-include", _COMPILED, "is there for its headers"),
    # libraries whose license allows no changed copies
    ("mkl*", (SYMBOLS,), "Intel's license"),
    ("gurobipy", (SYMBOLS,), "Gurobi's license"),
    ("mosek", (SYMBOLS,), "MOSEK's license"),
    ("cplex", (SYMBOLS,), "IBM's license"),
    ("xpresslibs", (SYMBOLS,), "FICO's license"),
    # what reads stubs
    ("basedmypy*", (STUBS,), "checks types by stubs"),
    ("basedpyright", (*KINDS,), "checks types by stubs"),
    ("pyright", (*KINDS,), "checks types by stubs"),
    ("types-*", (STUBS,), "holds nothing but stubs"),
    ("*-stubs", (STUBS,), "holds nothing but stubs"),
    # folders called `test` that are no tests
    ("playwright", (*KINDS,), "drives browsers by a Node.js of its own"),
    ("pytest*", (TESTS,), "is for tests"),
    ("hypothesis", (TESTS,), "is for tests"),
)  # fmt: skip


@cache
def list_kept_kinds(name: str) -> frozenset[str]:
    """Return the kinds of files that the package of a normalised name keeps."""
    return frozenset(kind for pattern, kinds, _ in _ROWS if fnmatchcase(name, pattern) for kind in kinds)
