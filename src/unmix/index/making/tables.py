"""Columns to Parquet, whole or not at all, and so that few rows are cheap to read.

Every row group but the last of a file holds `GROUP` rows, each page has a checksum.  Positions are
kept as differences, acts as streams of bytes, both without loss.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unmix.disk import file_sha256, replacing
from unmix.index.manifest import FileFacts

GROUP = 2**17
"""Rows of a row group."""
DIFFERENCES = ("position", "offset", "first")
"""Columns of whole numbers that mostly grow slowly."""
TYPES: dict[str, pa.DataType] = {
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "binary": pa.binary(),
    "list<int32>": pa.list_(pa.int32()),
    "list<float32>": pa.list_(pa.float32()),
}


@final
class Writer:
    """Takes rows in any portions and writes them in row groups of one size."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        self.schema = pa.schema([(name, TYPES[kind]) for name, kind in columns.items()])
        names = {name: kind.removeprefix("list<") for name, kind in columns.items()}
        paths = {n: f"{n}.list.element" if columns[n] != names[n] else n for n in columns}
        encoding = {
            paths[name]: "BYTE_STREAM_SPLIT"
            for name, kind in names.items()
            if kind.startswith("float")
        }
        encoding |= {paths[name]: "DELTA_BINARY_PACKED" for name in names if name in DIFFERENCES}
        self._file = pq.ParquetWriter(
            path,
            self.schema,
            compression="zstd",
            use_dictionary=[paths[name] for name in names if paths[name] not in encoding],
            column_encoding=encoding,
            write_page_checksum=True,
        )
        self._waiting: list[pa.Table] = []
        self.rows = 0

    def write(self, columns: Mapping[str, Any]) -> None:
        """Add rows, given as arrays by column."""
        arrays = [pa.array(columns[f.name], f.type) for f in self.schema]
        table = pa.Table.from_arrays(arrays, schema=self.schema)
        self.rows += len(table)
        self._waiting.append(table)
        if sum(map(len, self._waiting)) >= GROUP:
            self._flush(GROUP)

    def close(self) -> None:
        """Write what is left and the footer."""
        self._flush(1)
        self._file.close()

    def _flush(self, least: int) -> None:
        """Write row groups while there are at least so many rows."""
        table = pa.concat_tables([self.schema.empty_table(), *self._waiting])
        done = 0
        while len(table) - done >= least:
            self._file.write_table(table.slice(done, GROUP), row_group_size=GROUP)
            done += min(GROUP, len(table) - done)
        self._waiting = [table.slice(done)]


@contextmanager
def writing(path: Path, columns: Mapping[str, str]) -> Iterator[Writer]:
    """Give a writer of a Parquet file that is put in place at the end."""
    with replacing(path) as beside:
        writer = Writer(beside, columns)
        try:
            yield writer
        finally:
            writer.close()


def write(path: Path, columns: Mapping[str, str], data: Mapping[str, Any]) -> None:
    """Write a Parquet file whose columns are all there."""
    with writing(path, columns) as writer:
        writer.write(data)


def lists(values: np.ndarray) -> pa.ListArray:
    """Return the rows of a matrix as a column of lists."""
    ends = np.arange(0, values.size + 1, max(1, values.shape[1]), dtype=np.int32)
    return pa.ListArray.from_arrays(ends, pa.array(values.reshape(-1)))


def facts(path: Path) -> FileFacts:
    """Describe a Parquet file that is there."""
    rows = pq.read_metadata(path).num_rows
    return FileFacts(bytes=path.stat().st_size, rows=rows, sha256=file_sha256(path))
