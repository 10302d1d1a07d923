"""The folder of an export: made for one set of settings, gone on with under the same ones."""

import os
from pathlib import Path
from typing import Any

from unmix.disk import read_json, write_json
from unmix.errors import UserError

MARK = "unmix-export.json"
"""The file that says what a folder is an export of."""


def claim(out: Path, settings: dict[str, Any]) -> None:
    """Take a folder for an export, or go on with it.

    Raises:
        UserError: The folder holds something else.  Nothing in it is touched.
    """
    if not is_begun(out, settings):
        write_json(out / MARK, settings)


def is_begun(out: Path, settings: dict[str, Any]) -> bool:
    """Say whether a folder holds a part of this very export; refuse one that holds another thing.

    Raises:
        UserError: The folder holds something else.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"`{out}` is a file; name a folder to export to")
    if (out / MARK).is_file():
        if read_json(out / MARK) != settings:
            raise UserError(
                f"`{out}` holds an export of another index or with other settings; "
                "remove it or name another folder"
            )
        return True
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"`{out}` is not empty and no export; name a new folder")
    return False


def size(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(
        (Path(root) / name).stat().st_size for root, _, names in os.walk(folder) for name in names
    )
