"""All latents: what is being looked at, columns, tables, selections."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response

from unmix.explorer.answers.run import run_info
from unmix.explorer.answers.table import csv, selected, table
from unmix.explorer.api import RunInfo, Table
from unmix.explorer.routes.given import Limit, TheView, Where

router = APIRouter(tags=["latents"])

Columns = Annotated[str, Query(description="Names of columns, commas between them.")]
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}
BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
RAW: dict[int | str, dict[str, Any]] = {200: {"content": BYTES}}


@router.get("/run")
def read_run(view: TheView) -> RunInfo:
    """Say what is being looked at."""
    return run_info(view)


@router.get("/column/{name}", response_class=Response, responses=RAW)
def read_column(view: TheView, name: str) -> Response:
    """Return one statistic of all latents: little-endian float32."""
    view.numeric([name])
    return _raw(view.index.column(name).astype("<f4"))


@router.get("/select", response_class=Response, responses=RAW)
def read_selection(view: TheView, where: Where = "") -> Response:
    """Return the latents that satisfy a query, ascending: little-endian int32."""
    return _raw(selected(view, where))


@router.get("/table")
def read_table(
    view: TheView,
    where: Where = "",
    sort: str = "density",
    descending: bool = True,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Limit = 100,
    columns: Columns = "",
) -> Table:
    """Return a stretch of the latents that satisfy a query, in an order."""
    return table(
        view,
        where,
        sort=sort,
        descending=descending,
        offset=offset,
        limit=limit,
        columns=_names(columns),
    )


@router.get("/latents.csv", response_class=Response, responses=CSV)
def read_csv(
    view: TheView,
    where: Where = "",
    sort: str = "latent",
    descending: bool = False,
    columns: Columns = "",
) -> Response:
    """Return the latents that satisfy a query as CSV."""
    made = csv(view, where, sort=sort, descending=descending, columns=_names(columns))
    headers = {"content-disposition": 'attachment; filename="latents.csv"'}
    return Response(made, media_type="text/csv", headers=headers)


def _names(columns: str) -> list[str]:
    return [name.strip() for name in columns.split(",") if name.strip()]


def _raw(values: np.ndarray) -> Response:
    return Response(values.tobytes(), media_type="application/octet-stream")
