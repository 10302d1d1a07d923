"""Make `.venv` and install the pinned packages into it; do nothing where that is done already.

Called by make with the Python to build on, before anything is installed, so it needs the standard
library only.  The versions are those of `constraints.txt`.  Where that Python has a torch built
for a GPU, the environment keeps it and pins everything else (`TORCH=pinned` says not to).

Environment variables: `TORCH`, and `PIP_FLAGS` for more flags to pip (another index, say).
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
READY = VENV / "ready"
LOG = VENV / "install.log"
CONSTRAINTS = VENV / "constraints.txt"
INPUTS = ("pyproject.toml", "constraints.txt", "tools/environment.py")

GPU_TORCH = """
import torch
from importlib.metadata import requires

recent = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 6)
if recent and (torch.version.cuda or torch.version.hip):
    needs = [need.replace(" ", "") for need in requires("torch") or []]
    print(torch.__file__, torch.__version__, *needs, sep="\\n")
"""


def main() -> None:
    """Bring the environment up to date, with one line a step."""
    if READY.exists() and READY.read_text() == key():
        return
    started = time.monotonic()
    create()
    own = own_torch()
    write_constraints(own)
    say(f"installing the pinned packages (log: {LOG.relative_to(ROOT)})")
    pins = ["--constraint", str(CONSTRAINTS)]
    build_pins = ["--build-constraint", str(CONSTRAINTS)]
    pip("--upgrade", "pip", *pins)
    more = shlex.split(os.environ.get("PIP_FLAGS", ""))
    group = ["--group", f"{ROOT / 'pyproject.toml'}:dev"]
    pip("--editable", str(ROOT), *group, *pins, *build_pins, *more)
    READY.write_text(key())
    say(f"ready in {time.monotonic() - started:.0f} s")


def key() -> str:
    """Return what the environment depends on, so that a change of any of it is seen."""
    files = b"".join((ROOT / name).read_bytes() for name in INPUTS)
    choices = [os.environ.get("PIP_FLAGS", ""), os.environ.get("TORCH", ""), str(ROOT), sys.version]
    return hashlib.sha256(files + "\0".join(choices).encode()).hexdigest()


def create() -> None:
    """Make an empty environment, unless one of this Python stands here already."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    config = VENV / "pyvenv.cfg"
    usable = config.exists() and f"version = {version}\n" in config.read_text()
    if usable and str(VENV) in config.read_text():
        READY.unlink(missing_ok=True)
        return
    say(f"making .venv with Python {version}")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], check=False, capture_output=True, text=True
    )
    if made.returncode:
        stop(f"{made.stdout}{made.stderr}`{sys.executable} -m venv` failed; see above")


def own_torch() -> list[str]:
    """Return file, version and requirements of this Python's own torch for a GPU, if it has one."""
    if os.environ.get("TORCH") == "pinned":
        return []
    look = [sys.executable, "-W", "ignore", "-c", GPU_TORCH]
    found = subprocess.run(look, check=False, capture_output=True, text=True)
    return found.stdout.split() if found.returncode == 0 else []


def write_constraints(own: list[str]) -> None:
    """Write the pins to use: all of them, or all but a torch of one's own and what it asks for."""
    link = next((VENV / "lib").glob("python*/site-packages")) / "own-torch.pth"
    link.unlink(missing_ok=True)
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    if own:
        file, version, *needs = own
        say(f"keeping this Python's own torch {version}")
        link.write_text(f"{Path(file).parent.parent}\n")
        free = {"torch", *map(name, needs)}
        pins = [f"torch=={version}", *(pin for pin in pins if name(pin) not in free)]
    CONSTRAINTS.write_text("\n".join(pins) + "\n")


def name(requirement: str) -> str:
    """Return the normalised name of the package in a requirement."""
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


def pip(*arguments: str) -> None:
    """Run `pip install`, keeping its words in the log unless it fails."""
    command: Iterable[str] = [str(PYTHON), "-m", "pip", "install", *arguments]
    with LOG.open("a") as log:
        log.write(f"$ {shlex.join(command)}\n")
        log.flush()
        done = subprocess.run(list(command), check=False, stdout=log, stderr=subprocess.STDOUT)
    if done.returncode:
        tail = "\n".join(LOG.read_text().splitlines()[-20:])
        stop(f"{tail}\npip failed; all it said is in {LOG.relative_to(ROOT)}")


def say(sentence: str) -> None:
    """Tell what is being done, on stderr."""
    sys.stderr.write(f"environment: {sentence}\n")
    sys.stderr.flush()


def stop(reason: str) -> None:
    """Leave with a reason."""
    sys.exit(f"environment: {reason}")


if __name__ == "__main__":
    main()
