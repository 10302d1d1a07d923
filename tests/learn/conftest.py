"""The learning page on its real server, over what is recorded or over a changed copy of it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.web.opened import Opened, opening
from tests.web.serving import built, served
from unmix.learn.files import RECORDED
from unmix.learn.routes import PAGE, Learning, adding
from unmix.learn.witnesses import Witnesses

Learn = Callable[..., Opened]


@contextmanager
def serving(recorded: Path = RECORDED) -> Iterator[str]:
    """Serve the page over a folder of recorded data while the block runs; gives the address."""
    learning = Learning(Witnesses(recorded), recorded=recorded)
    with served(None, add=adding(learning)) as address:
        yield f"{address}learn/"


@pytest.fixture(scope="session")
def learn_is_built() -> None:
    """Skip where the page was left out on purpose; fail where it was forgotten."""
    built(PAGE)


@pytest.fixture(scope="session")
def learn_address(learn_is_built: None) -> Iterator[str]:
    """Give the address of the page over what is recorded."""
    with serving() as address:
        yield address


@pytest.fixture
def learning(browser: Browser, learn_address: str) -> Iterator[Learn]:
    """Open pages; in the end none may have complained, nor asked another host."""
    yield from opening(browser, learn_address)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Give a copy of what is recorded, to be changed."""
    return Path(shutil.copytree(RECORDED, tmp_path / "recorded"))
