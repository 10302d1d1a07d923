"""Files that are either whole or absent, and fingerprints of what went into them.

Everything is written beside its final name and renamed, so a reader never meets half a file
and a kill at any moment loses at most the file in hand.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from unmix.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


def fingerprint(data: object) -> str:
    """Return 16 hex digits that change whenever the JSON form of `data` does."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write a file or folder to; put it in place at the end.

    Raises:
        UserError: The disk is full or the folder cannot be written.  Nothing is left behind.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        if path.is_dir():
            shutil.rmtree(path)
        beside.replace(path)
    except BaseException as error:
        _remove(beside)
        reason = _reason(error)
        if reason is None:
            raise
        raise UserError(f"cannot write `{path}`: {reason}") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as beside, beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, data: object) -> None:
    """Write JSON a person can read, whole or not at all.  NaN and infinity are refused."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object, or raise a sentence naming the file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"`{path}` does not exist") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"`{path}` is damaged ({error}); write it anew") from error
    if not isinstance(data, dict):
        raise UserError(f"`{path}` should hold a JSON object, and holds a {type(data).__name__}")
    return data


def write_tensors(path: Path, tensors: Mapping[str, "Tensor"], *, about: str = "") -> None:
    """Write a safetensors file, whole or not at all."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with replacing(path) as beside:
        try:
            save_file({k: v.contiguous() for k, v in tensors.items()}, beside, {"about": about})
        except SafetensorError as error:  # it wraps the system's error in its text
            if "No space left" in str(error):
                raise OSError(errno.ENOSPC, "No space left on device") from error
            raise


def read_tensors(path: Path) -> dict[str, "Tensor"]:
    """Read a safetensors file, or raise a sentence naming the file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise UserError(f"`{path}` does not exist") from error
    except (SafetensorError, OSError) as error:
        raise UserError(f"`{path}` is damaged or cut short ({error}); write it anew") from error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _reason(error: BaseException) -> str | None:
    """Say why the system refused a write, or None where it was not the system."""
    if not isinstance(error, OSError):
        return None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space or choose another folder"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "no permission to write there; choose another folder"
    return None
