"""All latents: which satisfy a query, in what order, with which numbers."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int
from pyarrow.csv import WriteOptions, write_csv

from unmix.explorer.api import Row, Table
from unmix.explorer.view import View
from unmix.index.query import select
from unmix.index.read import ABOUT
from unmix.index.texts import inert

DEFAULT = (
    "density", "largest", "mean", "token_entropy", "logit_kurtosis", "rule_f1", "nearest_direction",
)  # fmt: skip
"""Columns of a table where none are named."""
MOST = 1000
"""Rows of a table."""


def chosen(view: View, where: str) -> Bool[np.ndarray, " m"]:
    """Say which latents satisfy a query."""
    return select(view.index, where, tags=view.notes.tagged)


def selected(view: View, where: str) -> Int[np.ndarray, " _"]:
    """Return the latents that satisfy a query, ascending."""
    return np.flatnonzero(chosen(view, where)).astype("<i4")


def ordered(view: View, where: str, *, sort: str, descending: bool) -> Int[np.ndarray, " _"]:
    """Return the latents that satisfy a query, sorted by a column; values not there come last."""
    values = view.index.column(sort)
    latents = np.flatnonzero(chosen(view, where))
    values = values[latents]
    if values.dtype == object:
        values = np.unique(values.astype(str), return_inverse=True)[1]
    keys = values.astype(np.float64)
    order = np.argsort(-keys if descending else keys, kind="stable")  # NaN is sorted last
    return latents[order]


def table(
    view: View, where: str, *, sort: str, descending: bool, offset: int, limit: int,
    columns: Sequence[str],
) -> Table:  # fmt: skip
    """Return a stretch of the latents that satisfy a query."""
    names = view.numeric(columns or DEFAULT)
    latents = ordered(view, where, sort=sort, descending=descending)
    shown = latents[offset : offset + min(limit, MOST)]
    tags = view.notes.tags()
    values = np.column_stack([view.index.column(name)[shown].astype(np.float64) for name in names])
    tokens = view.index.column("top_token")[shown].tolist()
    rows = [
        Row(
            latent=latent,
            label=view.label(latent),
            token=view.index.vocabulary.text(token),
            values=[None if np.isnan(value) else value for value in row],
            tags=tags.get(latent, []),
        )
        for latent, token, row in zip(shown.tolist(), tokens, values.tolist(), strict=True)
    ]
    return Table(total=len(latents), columns=names, rows=rows)


def csv(view: View, where: str, *, sort: str, descending: bool, columns: Sequence[str]) -> bytes:
    """Return the latents that satisfy a query as CSV, all columns where none are named."""
    names = list(dict.fromkeys(["latent", *(columns or ABOUT)]))
    for name in names:
        view.index.column(name)  # refuses what is not there
    latents = ordered(view, where, sort=sort, descending=descending)
    rows = view.index.latents.select(names).take(latents)
    cells = [_cells(column) for column in rows.columns]
    lines = BytesIO()
    write_csv(pa.table(cells, names=names), lines, WriteOptions(quoting_style="needed"))
    return lines.getvalue()


def _cells(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as it goes into CSV: numbers that are not there empty, texts inert."""
    if pa.types.is_floating(column.type):
        values = column.to_numpy()
        return pa.chunked_array([pa.array(values, mask=~np.isfinite(values))])
    return inert(column) if pa.types.is_string(column.type) else column
