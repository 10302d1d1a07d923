"""Rows of a Parquet file by their number, without reading the rest.

A file is a sequence of row groups; a stretch of rows is cut out of the few that hold it.
"""

from pathlib import Path
from typing import final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from unmix.errors import UserError


@final
class Rows:
    """A Parquet file of an index, of which stretches are read.

    Raises:
        UserError: The file is damaged, or does not hold the columns it should.
    """

    def __init__(self, path: Path, columns: dict[str, str]) -> None:
        self.path = path
        try:
            self._metadata, self._state = pq.read_metadata(path), _state(path)
        except (OSError, pa.ArrowException) as error:
            raise UserError(f"`{path}` is damaged ({error}); write the index anew") from error
        schema = self._metadata.schema.to_arrow_schema()
        missing = [name for name in columns if name not in schema.names]
        if missing:
            raise UserError(f"`{path}` has no column `{missing[0]}`; write the index anew")
        sizes = [self._metadata.row_group(i).num_rows for i in range(self.n_groups)]
        self.starts: Int[np.ndarray, " _"] = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        """First row of each row group, and the number of rows."""

    def __len__(self) -> int:
        return self._metadata.num_rows

    @property
    def n_groups(self) -> int:
        """Row groups of the file."""
        return self._metadata.num_row_groups

    def stretch(self, first: int, n: int, *, columns: list[str]) -> pa.Table:
        """Return `n` rows from the row `first` on."""
        low = int(np.searchsorted(self.starts, first, side="right")) - 1
        high = int(np.searchsorted(self.starts, first + n, side="left"))
        groups = list(range(low, high)) if n else []
        return self._read(groups, columns).slice(first - int(self.starts[low]) if n else 0, n)

    def group(self, number: int, *, columns: list[str]) -> pa.Table:
        """Return one row group."""
        return self._read([number], columns)

    def whole(self, columns: list[str] | None = None) -> pa.Table:
        """Return every row."""
        return self._read(list(range(self.n_groups)), columns)

    def _read(self, groups: list[int], columns: list[str] | None) -> pa.Table:
        if _state(self.path) != self._state:
            raise UserError(f"`{self.path}` was written anew since it was opened; open it again")
        # Opened each time, the footer known: an open file is not made for several threads.
        with pq.ParquetFile(
            self.path,
            metadata=self._metadata,
            memory_map=True,
            page_checksum_verification=True,
        ) as file:
            try:
                return file.read_row_groups(groups, columns=columns, use_threads=False)
            except (OSError, pa.ArrowException) as error:
                raise UserError(f"`{self.path}` is damaged ({error}); write it anew") from error


def _state(path: Path) -> tuple[int, int, int] | None:
    """Return what tells a file from another of its name; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
