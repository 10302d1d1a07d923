"""Queries mean the same in a static page as they do to the server.

`queries.json` holds a few latents, queries, and which latents satisfy each, or why a query cannot
be read.  Here the server's side is held to it; `web/src/static/query.test.ts` holds the page's.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from unmix.errors import UserError
from unmix.index.query import select
from unmix.index.read import ABOUT, Index

FILE = Path(__file__).with_name("queries.json")
GIVEN: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
TYPES = {"int32": pa.int32(), "int64": pa.int64(), "float32": pa.float32(), "string": pa.string()}


def index() -> Index:
    """Return an index that has nothing but the columns of the file."""
    made = object.__new__(Index)
    columns = {
        name: pa.array(
            [np.nan if value is None else value for value in values],
            type=TYPES.get(ABOUT[name].type, pa.float64()),
        )
        for name, values in GIVEN["columns"].items()
    }
    made.__dict__["latents"] = pa.table(columns)
    made.__dict__["_columns"] = {}
    made.__dict__["manifest"] = SimpleNamespace(n_latents=len(GIVEN["columns"]["latent"]))
    return made


def answer(where: str) -> list[int] | str:
    """Return the latents that satisfy a query, or why it cannot be read."""
    try:
        mask = select(index(), where, tags=lambda tag: GIVEN["tags"].get(tag, []))
    except UserError as error:
        return str(error)
    return np.flatnonzero(mask).tolist()


@pytest.mark.parametrize("where", GIVEN["queries"])
def test_a_query_has_the_answer_that_is_written_down(where: str):
    assert answer(where) == GIVEN["queries"][where]
