"""The learning page on the explorer's server: the page, its data, and what only a server can do.

/learn/                 the page        /learn/data/...    what is recorded
/api/learn/status       that this is a server, and which witness runs
/api/learn/witness/ID/run, /api/learn/run/ID, /api/learn/own
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from unmix import __version__
from unmix.explorer.api import Trouble
from unmix.explorer.app import NO_PAGE, STATIC
from unmix.explorer.trouble import Missing
from unmix.learn.files import FILES, RECORDED, read
from unmix.learn.own import own
from unmix.learn.schema import Grid, GridRun
from unmix.learn.told import Own, Running, Served
from unmix.learn.witnesses import Witnesses

PAGE = "learn.html"
TROUBLE: dict[int | str, dict[str, Any]] = {
    "default": {"model": Trouble, "description": "What went wrong"}
}


class Learning(NamedTuple):
    """What the addresses here are about."""

    witnesses: Witnesses
    run: Path | None = None
    """The reader's own run."""
    recorded: Path = RECORDED


def _name(route: Any) -> str:
    return route.name


def _learning(request: Request) -> Learning:
    return request.app.state.learning


TheLearning = Annotated[Learning, Depends(_learning)]
router = APIRouter(prefix="/api/learn", responses=TROUBLE, generate_unique_id_function=_name)
files = APIRouter(prefix="/learn/data", responses=TROUBLE, generate_unique_id_function=_name)
"""The recorded files, for the description of addresses."""


@router.get("/status")
def learn_status(learning: TheLearning) -> Served:
    """Say that there is a server, and what it can do."""
    name = None if learning.run is None else learning.run.absolute().name
    return Served(version=__version__, run=name, running=learning.witnesses.now())


@router.post("/witness/{witness}/run")
def run_witness(learning: TheLearning, witness: str) -> Running:
    """Begin to run a witness of a claim, as `CLAIM.NUMBER`; `status` says when it is done."""
    return learning.witnesses.run(witness)


@router.get("/run/{run}")
def learn_run(learning: TheLearning, run: str) -> GridRun:
    """Return a recorded run."""
    grid = read(Grid, "grid", folder=learning.recorded)
    for one in [*grid.runs, *grid.from_truth]:
        if one.id == run:
            return one
    raise Missing(f"no recorded run is called `{ascii(run)[1:-1]}`")


@router.get("/own")
def learn_own(learning: TheLearning, request: Request) -> Own:
    """Return what the evaluation of the reader's own run says."""
    if learning.run is None:
        raise Missing("no run was given; `unmix learn RUN` shows one")
    return own(learning.run, has_explorer=request.app.state.view is not None)


def _file(name: str) -> Callable[[Learning], FileResponse]:
    def learn_file(learning: TheLearning) -> FileResponse:
        path = learning.recorded / f"{name}.json"
        if not path.is_file():
            raise Missing(f"`{name}.json` is not recorded here; `make learn-runs` makes it")
        return FileResponse(path, headers={"cache-control": "no-cache"})

    return learn_file


for _called, _kind in FILES.items():
    files.add_api_route(
        f"/{_called}.json", _file(_called), response_model=_kind, name=f"recorded_{_called}"
    )


def adding(learning: Learning, *, static: Path = STATIC) -> Callable[[FastAPI], None]:
    """Return what adds the learning page to a server; alone there, it is the first page, too."""

    def add(app: FastAPI) -> None:
        app.state.learning = learning
        app.include_router(router)
        app.include_router(files)
        app.mount("/learn/data", StaticFiles(directory=learning.recorded, check_dir=False))
        _add_page(app, static)
        if app.state.view is None:
            app.add_api_route("/", _to_page, include_in_schema=False)

    return add


def _to_page() -> Response:
    return RedirectResponse("/learn/")


def _add_page(app: FastAPI, static: Path) -> None:
    """Serve the page, and what it loads, under `/learn/`."""

    def page() -> Response:
        if not (static / PAGE).is_file():
            return PlainTextResponse(NO_PAGE, status_code=503)
        return FileResponse(static / PAGE, headers={"cache-control": "no-cache"})

    app.add_api_route("/learn", _to_page, include_in_schema=False)
    app.add_api_route("/learn/", page, include_in_schema=False)
    app.mount("/learn", StaticFiles(directory=static, check_dir=False))
