"""Settings of every test: one thread, no network, no chance; and the browser."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported; two workers share two cores
os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.pop("FORCE_COLOR", None)
os.environ["NO_COLOR"] = "1"
os.environ["COLUMNS"] = "100"

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from tests import browser as chromium

settings.register_profile("unmix", derandomize=True, deadline=None, max_examples=30)
settings.load_profile("unmix")

NO_BROWSER = "no Chromium was to be had"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give a real browser, or skip: `page = browser.new_page()`."""
    path = chromium.find()
    if path is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a random Llama of two layers.  Read it only."""
    from tests import tiny  # not above: it imports torch, which few tests of the pages need

    return tiny.write_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a random GPT-2 of two layers.  Read it only."""
    from tests import tiny  # not above: it imports torch, which few tests of the pages need

    return tiny.write_gpt2(tmp_path_factory.mktemp("models") / "tiny-gpt2")


@pytest.fixture(scope="session")
def tiny_neox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a random GPT-NeoX of two layers.  Read it only."""
    from tests import tiny  # not above: it imports torch, which few tests of the pages need

    return tiny.write_neox(tmp_path_factory.mktemp("models") / "tiny-neox")


@pytest.fixture(scope="session")
def tiny_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of plain text files.  Read it only."""
    from tests import tiny

    return tiny.write_text(tmp_path_factory.mktemp("text") / "prose")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that were skipped for want of a browser."""
    skipped = terminalreporter.stats.get("skipped", [])
    names = [r.nodeid for r in skipped if NO_BROWSER in str(r.longrepr)]
    for name in names:
        terminalreporter.write_line(f"not run, {NO_BROWSER}: {name}")
