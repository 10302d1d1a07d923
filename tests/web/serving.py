"""The real server with the built page, on a port of its own, in a thread."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI

from unmix.explorer.app import STATIC, make_app
from unmix.explorer.serve import listen
from unmix.explorer.view import View


def built(page: str) -> None:
    """Skip where the pages were left out on purpose; fail where one was forgotten."""
    if (STATIC / page).exists():
        return
    if os.environ.get("UNMIX_SKIP_WEB") == "1":
        pytest.skip("the pages were left out: UNMIX_SKIP_WEB=1")
    pytest.fail(f"`{page}` is not built; `make web` builds it")


@contextmanager
def served(view: View | None, *, add: Callable[[FastAPI], None] | None = None) -> Iterator[str]:
    """Serve a view, and what is added to it, while the block runs; gives the address."""
    listening = listen("127.0.0.1", None)
    port = listening.getsockname()[1]
    config = uvicorn.Config(make_app(view, port=port, add=add), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()
