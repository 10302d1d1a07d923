"""The learning page on its real server, over what is recorded or over a changed copy of it."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser

from tests.web.opened import Opened
from unmix.explorer.app import STATIC, make_app
from unmix.explorer.serve import listen
from unmix.learn.files import RECORDED
from unmix.learn.routes import PAGE, Learning, adding
from unmix.learn.witnesses import Witnesses

Learn = Callable[..., Opened]


@contextmanager
def serving(recorded: Path = RECORDED) -> Iterator[str]:
    """Serve the page over a folder of recorded data while the block runs; gives the address."""
    listening = listen("127.0.0.1", None)
    port = listening.getsockname()[1]
    learning = Learning(Witnesses(recorded), recorded=recorded)
    app = make_app(None, port=port, add=adding(learning, static=STATIC))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/learn/"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()


@pytest.fixture(scope="session")
def learn_is_built() -> None:
    """Fail where the page was forgotten."""
    if not (STATIC / PAGE).exists():
        pytest.fail("the learning page is not built; `make web` builds it")


@pytest.fixture(scope="session")
def learn_address(learn_is_built: None) -> Iterator[str]:
    """Give the address of the page over what is recorded."""
    with serving() as address:
        yield address


@pytest.fixture
def learning(browser: Browser, learn_address: str) -> Iterator[Learn]:
    """Open pages; in the end none may have complained, nor asked another host."""
    yield from _opening(browser, learn_address)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Give a copy of what is recorded, to be changed."""
    return Path(shutil.copytree(RECORDED, tmp_path / "recorded"))


def _opening(browser: Browser, address: str) -> Iterator[Learn]:
    pages: list[Opened] = []

    def open_one(**how: Any) -> Opened:
        pages.append(Opened(browser, address, **how))
        return pages[-1]

    yield open_one
    for one in pages:
        one.page.context.close()
    assert [one.complaints for one in pages if one.complaints] == []
    assert {host for one in pages for host in one.hosts} <= {address.split("/")[2]}
