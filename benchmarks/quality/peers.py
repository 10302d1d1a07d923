"""Make the peers' environment, once."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from unmix.errors import UserError

PINS = Path(__file__).resolve().parent.parent / "peers.txt"


def environment(folder: Path, report: Callable[[str], None]) -> Path:
    """Return the Python of the environment in `folder`, making that if it is not there."""
    python = folder / "bin" / "python"
    done = folder / "peers.txt"
    if done.exists() and done.read_text() == PINS.read_text():
        return python
    report(f"making the peers' environment in `{folder}` (a few minutes)")
    _run([sys.executable, "-m", "venv", "--clear", str(folder)])
    pip = [str(python), "-m", "pip"]
    more = shlex.split(os.environ.get("PIP_FLAGS", ""))
    _run([*pip, "install", "--quiet", "--requirement", str(PINS), *more])
    _run([*pip, "uninstall", "--quiet", "--yes", "torchvision"])  # `peers.txt` says why
    done.write_text(PINS.read_text())
    return python


def _run(command: list[str]) -> None:
    """Run a command, or say what it said last."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise UserError(f"`{' '.join(command)}` failed: {said}")
