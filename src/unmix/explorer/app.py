"""The server: addresses under `/api`, and the page.

    app = make_app(View(open_index("runs/demo")))

What goes wrong is answered as a `Trouble`: one sentence and a fitting status.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from unmix import __version__
from unmix.errors import UserError
from unmix.explorer.api import Trouble
from unmix.explorer.fresh import Fresh
from unmix.explorer.guard import Guard
from unmix.explorer.routes import columns, latents, model, notes, search
from unmix.explorer.trouble import Busy, Missing, NotReady, TooLong
from unmix.explorer.view import View

STATIC = Path(__file__).parent / "static"
"""The built page."""
NO_PAGE = "the page is not built here; `make web` builds it, and the addresses under /api answer"
STATUS: dict[type[Exception], int] = {
    UserError: 400,
    Missing: 404,
    TimeoutError: 408,
    TooLong: 408,
    NotReady: 409,
    Busy: 503,
}


def make_app(
    view: View | None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    add: Callable[[FastAPI], None] | None = None,
) -> FastAPI:
    """Return the server of a view.

    Args:
        view: What it shows; None for a server that has only what `add` adds.
        host: The address it listens on: requests that name another host are refused.
        port: The port; None for any, in tests.
        add: Adds more addresses, before those of the page.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.view = view
    if view is not None:
        app.include_router(_addresses())
    for kind, status in STATUS.items():
        app.add_exception_handler(kind, _answering(status))
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _not_there)
    app.add_exception_handler(Exception, _mistake)
    if add is not None:
        add(app)
    if view is not None:
        _add_page(app)
        app.add_middleware(Fresh, view=view)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Guard, host=host, port=port)  # the last one added is asked first
    return app


def schema(*more: APIRouter) -> dict[str, Any]:
    """Describe every address under `/api`, and more of them, as OpenAPI."""
    return get_openapi(
        title="unmix explorer",
        version=__version__,
        summary="What the server says to the page",
        routes=[*_addresses().routes, *(route for one in more for route in one.routes)],
        separate_input_output_schemas=False,
    )


def _addresses() -> APIRouter:
    """Put the addresses of all subjects together."""
    router = APIRouter(
        prefix="/api",
        responses={"default": {"model": Trouble, "description": "What went wrong"}},
        generate_unique_id_function=lambda route: route.name,
    )
    for part in (columns, latents, search, notes, model):
        router.include_router(part.router)
    return router


def _add_page(app: FastAPI) -> None:
    """Serve the built page at `/`."""

    @app.get("/", include_in_schema=False)
    def page() -> Response:
        index = STATIC / "index.html"
        if not index.is_file():
            return PlainTextResponse(NO_PAGE, status_code=503)
        return FileResponse(index, headers={"cache-control": "no-cache"})

    app.mount("/", StaticFiles(directory=STATIC, check_dir=False), name="page")


def _answering(status: int) -> Any:
    """Return a handler that answers with the sentence of an error."""

    def answer(_: Request, error: Exception) -> Response:
        return _trouble(status, str(error))

    return answer


def _unreadable(_: Request, error: Exception) -> Response:
    """Say in one sentence what is wrong with a request."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("query", "body", "path"))
    what = first["msg"].removeprefix("Value error, ")
    return _trouble(400, f"`{place}`: {what}" if place else what)


def _not_there(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {404: "there is nothing at this address", 405: "this address is not asked that way"}
    return _trouble(error.status_code, known.get(error.status_code, str(error.detail)))


def _mistake(_: Request, __: Exception) -> Response:
    return _trouble(500, "the server made a mistake; its terminal shows more")


def _trouble(status: int, sentence: str) -> Response:
    return JSONResponse(Trouble(error=sentence).model_dump(), status_code=status)
