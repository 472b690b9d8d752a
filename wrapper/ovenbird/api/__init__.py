"""The Python API: what the commands do, as functions that take values, return a result and raise.

It stands on the functions below the command line (`job`, `platform`, `capture`), never on the command line's text.
"""
