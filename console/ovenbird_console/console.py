"""What all requests of one page share: the folder, the environment, the token, the stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .store_pool import StorePool

if TYPE_CHECKING:
    from starlette.requests import Request


@dataclass
class Console:
    """One started page. `folder` is where it was started: targets below it are its functions."""

    folder: Path
    environ: Mapping[str, str]
    token: str
    port: int
    stores: StorePool = field(init=False)

    def __post_init__(self) -> None:
        self.stores = StorePool(self.environ)

    @property
    def cookie(self) -> str:
        """Return the name of the cookie that holds the token: cookies are shared by all ports of a host."""
        return f"ovenbird_ui_{self.port}"

    def close(self) -> None:
        """Close the stores."""
        self.stores.close()


def get_console(request: Request) -> Console:
    """Return what the requests of the page share."""
    return cast(Console, request.app.state.console)
