"""Lay out what the flavour `-sdk` adds to a base image, below one folder. Run by Dockerfile.sdk.

What comes in: packages that pip has put into /opt/ovenbird/sdk. What goes out: the same with bytecode, and the line
that puts them on the path, after the user's own packages and the runtime's.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from stage import HOME, below, compiled, folder, move

LINE = "ovenbird_sdk.pth"  # sorts after ovenbird.pth: of a package that both bring, the runtime's wins


def main(stage: Path) -> None:
    """Make the folder."""
    sdk = HOME / "sdk"
    shutil.rmtree(sdk / "bin", ignore_errors=True)
    compiled(sdk)
    move(sdk, stage)
    packages = Path(sysconfig.get_path("purelib"))
    folder(packages, stage)
    below(stage, packages / LINE).write_text(f"{sdk}\n", encoding="utf-8")


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]))
