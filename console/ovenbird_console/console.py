"""What all requests of one page share: the folder, the environment, the token, the stores."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ovenbird.errors import OvenbirdError

from .contracts import Contracts
from .store_pool import StorePool
from .tasks import Tasks
from .uploads import Uploads

if TYPE_CHECKING:
    from starlette.requests import Request


_PATIENCE = 1.0  # seconds for a look at the store that is under way when the page ends: a platform may not answer


@dataclass
class Console:
    """One started page. `folder` is where it was started: targets below it are its functions."""

    folder: Path
    environ: Mapping[str, str]
    token: str
    port: int
    stores: StorePool = field(init=False)
    contracts: Contracts = field(init=False)
    tasks: Tasks = field(init=False)
    uploads: Uploads = field(init=False)
    _cleaner: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.stores = StorePool(self.environ)
        self.contracts = Contracts(self.folder, self.environ)
        self.tasks = Tasks(self.folder, self.environ)
        self.uploads = Uploads(self.folder, self.environ)

    @property
    def cookie(self) -> str:
        """Return the name of the cookie that holds the token: cookies are shared by all ports of a host."""
        return f"ovenbird_ui_{self.port}"

    def clean_uploads(self) -> None:
        """Remove the uploads of runs that are gone, on a thread: a page does not wait for a store.

        The first error of the store ends it, until the next call.
        """
        if self._cleaner is None or not self._cleaner.is_alive():
            self._cleaner = threading.Thread(target=self._clean_uploads, name="clean-uploads", daemon=True)
            self._cleaner.start()

    def _clean_uploads(self) -> None:
        with suppress(OvenbirdError, OSError), self.stores.borrow() as store:
            self.uploads.clean(store)

    def close(self) -> None:
        """End services and builds, and close the stores."""
        self.tasks.close()
        if self._cleaner is not None:
            self._cleaner.join(_PATIENCE)
        self.stores.close()


def get_console(request: Request) -> Console:
    """Return what the requests of the page share."""
    return cast(Console, request.app.state.console)
