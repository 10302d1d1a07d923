"""Servers over small indexes, and pages of them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.explorer.asking import Parrot
from tests.index import made, written
from tests.index.written import Written
from tests.web.opened import Opened, opening
from tests.web.serving import built, served
from unmix.explorer.model import Model
from unmix.explorer.view import View
from unmix.index.read import open_index
from unmix.training.config import DictionaryConfig

Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def page_is_built() -> None:
    """Skip where the page was left out on purpose; fail where it was forgotten."""
    built("index.html")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Give a view of the index of a tiny real model."""
    return View(open_index(made.indexed(tmp_path_factory.mktemp("web") / "tiny")))


@pytest.fixture(scope="session")
def tiny_address(page_is_built: None, tiny: View) -> Iterator[str]:
    """Give the address of a server over a tiny real model."""
    with served(tiny) as address:
        yield address


@pytest.fixture(scope="session")
def live_address(
    page_is_built: None, tiny: View, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Give a server over the tiny model that answers, with a dictionary of 67 latents beside it."""
    smaller = DictionaryConfig(latents=67, k=5, seed=1)
    folder = made.indexed(tmp_path_factory.mktemp("web") / "smaller", dictionary=smaller)
    model = Model(tiny.index.run)
    model.ask("read", {"text": "the cat"})  # so that it is loaded once, and no test waits for it
    with served(View(tiny.index, others={"smaller": open_index(folder)}, model=model)) as address:
        yield address
    model.close()


@pytest.fixture(scope="session")
def parrot() -> Parrot:
    """Give what stands for the model of the awkward index."""
    return Parrot()


@pytest.fixture(scope="session")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Give an index by hand: hostile tokens, a dead latent, one with a rule that misses."""
    return written.write(tmp_path_factory.mktemp("web") / "awkward")


@pytest.fixture(scope="session")
def awkward_address(page_is_built: None, awkward: Written, parrot: Parrot) -> Iterator[str]:
    """Give a server over the awkward index, whose model says what it is told."""
    with served(View(open_index(awkward.run), model=parrot)) as address:
        yield address


@pytest.fixture
def reading(browser: Browser, tiny_address: str) -> Iterator[Open]:
    """Open pages over the tiny model; in the end none may have complained."""
    yield from opening(browser, tiny_address)


@pytest.fixture
def asking(browser: Browser, live_address: str) -> Iterator[Open]:
    """Open pages over the tiny model, which can be asked; in the end none may have complained."""
    yield from opening(browser, live_address)


@pytest.fixture
def probing(browser: Browser, awkward_address: str) -> Iterator[Open]:
    """Open pages over the awkward index; in the end none may have complained."""
    yield from opening(browser, awkward_address)
