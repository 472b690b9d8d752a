"""The logger of Ovenbird itself: what the user's code does to `logging` does not keep a failure from the log.

`logging.config.dictConfig` disables every existing logger by default, `basicConfig(force=True)` takes the handlers of
the root, `logging.disable` silences all. They are meant for the user's own logging, and the client has received an id
that the log must explain.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

NAME = "ovenbird"


class OwnLogger(logging.Logger):
    """A logger that writes to `own` whatever handlers there are, and errors whatever levels and filters there are.

    Further handlers of the user's get its records as from any other logger.
    """

    own: logging.Handler
    least: int

    @property
    def disabled(self) -> bool:
        """Always False: `dictConfig` would set it by default."""
        return False

    @disabled.setter
    def disabled(self, _: bool) -> None:
        pass

    def isEnabledFor(self, level: int) -> bool:  # of Logger
        """Return whether a record of the level is written."""
        return level >= logging.ERROR or (level >= (self.level or self.least) and level > self.manager.disable)

    def makeRecord(  # of Logger; a factory of the user's may raise
        self,
        name: str,
        level: int,
        fn: str,
        lno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: str | None = None,
        extra: Mapping[str, object] | None = None,
        sinfo: str | None = None,
    ) -> logging.LogRecord:
        """Return a record with the extra fields as attributes."""
        record = logging.LogRecord(name, level, fn, lno, msg, args, exc_info, func, sinfo)
        record.__dict__.update(extra or {})
        return record

    def handle(self, record: logging.LogRecord) -> None:
        """Hand a record on, an error past the filters."""
        if record.levelno >= logging.ERROR or self.filter(record):
            self.callHandlers(record)

    def callHandlers(self, record: logging.LogRecord) -> None:  # of Logger
        """Write the record, then give it to the handlers of the user's."""
        if record.levelno >= max(self.own.level, self.least) or record.levelno >= logging.ERROR:
            self.own.acquire()
            try:
                self.own.emit(record)
            finally:
                self.own.release()
        logger: logging.Logger | None = self
        while logger is not None:
            for handler in list(logger.handlers):
                if handler is not self.own and record.levelno >= handler.level:
                    handler.handle(record)
            logger = logger.parent if logger.propagate else None


def install_own_logger(handler: logging.Handler, level: str) -> None:
    """Make the logger `ovenbird`, which modules already hold, write records of `level` and above to `handler`."""
    logger = logging.getLogger(NAME)
    logger.__class__ = OwnLogger
    assert isinstance(logger, OwnLogger)
    logger.own, logger.least = handler, getattr(logging, level.upper())
