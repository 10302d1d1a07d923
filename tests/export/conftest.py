"""A run with an index, made once for all tests of exports."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run on a tiny model, with its index.  Read it only."""
    from tests.index.made import indexed  # not above: it imports torch

    return indexed(tmp_path_factory.mktemp("exported"))
