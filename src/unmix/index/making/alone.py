"""Who may write an index: one process that merges, or several that each make some parts.

The lock is on a file beside the index and ends with the process that holds it, however that ends.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unmix.errors import UserError

try:
    import fcntl
except ImportError:  # on Windows nothing is locked
    fcntl = None


@contextmanager
def writing_index(folder: Path, *, shared: bool) -> Iterator[None]:
    """Hold the right to write an index within the block.

    Args:
        folder: The index.
        shared: Whether others may make parts at the same time.

    Raises:
        UserError: Another process is writing it.
    """
    path = folder.with_name(f".{folder.name}.lock")
    try:
        path.parent.mkdir(exist_ok=True)  # not there yet where a run has several dictionaries
        file = path.open("w")
    except OSError as error:
        raise UserError(f"cannot write `{path}`: {error.strerror}") from error
    with file:
        if _is_taken(file.fileno(), path, shared=shared):
            raise UserError(f"another process is writing `{folder}`; wait until it has ended")
        try:
            yield
        finally:
            if not shared:
                path.unlink(missing_ok=True)


def _is_taken(file: int, path: Path, *, shared: bool) -> bool:
    """Take the lock; say whether another process has it."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:  # a file system without locks gives another error
        return error.errno in (errno.EAGAIN, errno.EACCES)
    # One who ended between our opening and our locking has taken the file away.
    return not (path.exists() and os.path.samestat(os.fstat(file), path.stat()))
