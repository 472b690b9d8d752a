"""Ways to install Ovenbird: from the wheel that `make wheel` builds; docs/ci.md's test installs it from a git URL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_HINT = "from ovenbird.common.install_hint import format_install_command as command; print(command('build'))"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_of_make_wheel(tmp_path: Path) -> None:
    """It has both packages, the base images' files and the verbs; where an extra is missing, the hint names it."""
    build = subprocess.run(
        ["make", "wheel", f"DIST={tmp_path / 'dist'}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert build.returncode == 0, build.stdout + build.stderr
    (wheel,) = (tmp_path / "dist").glob("ovenbird-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check"]
    words = [*pip, "install", f"ovenbird @ {wheel.as_uri()}"]
    process = subprocess.run(words, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr

    def run(*argv: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*map(str, argv)], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run(python, "-c", _HINT).stdout.strip() == f"{python} -m pip install 'ovenbird[build] @ {wheel.as_uri()}'"
    ovenbird = tmp_path / "venv" / "bin" / "ovenbird"
    (tmp_path / "main.py").write_text("def handler(n: int = 1):\n    return n + 1\n")
    assert run(ovenbird, "invoke", "main.py", "--data", '{"n": 2}').stdout.strip() == "3"
    built = run(ovenbird, "build", "main.py")
    assert built.returncode == 70
    assert f"pip install 'ovenbird[build] @ {wheel.as_uri()}'" in built.stderr
    files = run(python, "-m", "zipfile", "-l", wheel).stdout
    for name in (
        "ovenbird/cli.py",
        "ovenbird_builder/cli.py",
        "ovenbird_builder/images/bases.toml",
        "ovenbird/serve/page/static/page.js",
        "ovenbird_console/templates/layout.html",
        "ovenbird_console/static/vendored/vendored.json",
    ):
        assert name in files
