"""Runs that are trained once for all tests of the live side.  Read them only."""

import shutil
from pathlib import Path

import pytest

from tests.evaluation.made import model_folder, text_folder
from tests.explorer.live.made import make_run
from unmix.explorer.live.session import Session, open_session
from unmix.index.build import build


@pytest.fixture(scope="session")
def llama_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run on a Llama of three layers."""
    return make_run(tmp_path_factory.mktemp("live-llama"))


@pytest.fixture(scope="session")
def indexed_run(llama_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the run on a Llama with its index."""
    run = tmp_path_factory.mktemp("live-index") / "run"
    shutil.copytree(llama_run, run)
    build(run)
    return run


@pytest.fixture(scope="session")
def gpt2_run(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: Path) -> Path:
    """Give a run on a GPT-2 of two layers."""
    return make_run(tmp_path_factory.mktemp("live-gpt2"), model=tiny_gpt2)


@pytest.fixture(scope="session")
def transcoder_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run of a transcoder: from what an MLP reads to what it adds."""
    folder = tmp_path_factory.mktemp("live-transcoder")
    sites = {"site": "mlp_in.1", "target": "mlp.1"}
    source = {
        "model": str(model_folder(folder / "model")),
        "sites": ("mlp_in.1", "mlp.1"),
        "text": (str(text_folder(folder / "text", documents=40)),),
        "tokens": 2000,
        "held_out_tokens": 600,
        "held_out_share": 0.3,
        "context": 32,
        "shard": 512,
        "batch": 8,
    }
    return make_run(folder, model=folder / "model", source=source, **sites)


@pytest.fixture(scope="session")
def llama(llama_run: Path) -> Session:
    """Give the Llama's run, opened."""
    return open_session(llama_run)


@pytest.fixture(scope="session")
def indexed(indexed_run: Path) -> Session:
    """Give the Llama's run with its index, opened."""
    return open_session(indexed_run)


@pytest.fixture(scope="session")
def gpt2(gpt2_run: Path) -> Session:
    """Give the GPT-2's run, opened."""
    return open_session(gpt2_run)


@pytest.fixture(scope="session")
def transcoder(transcoder_run: Path) -> Session:
    """Give the transcoder's run, opened."""
    return open_session(transcoder_run)


@pytest.fixture(params=["llama", "gpt2", "transcoder"])
def session(request: pytest.FixtureRequest) -> Session:
    """Give each of the three."""
    return request.getfixturevalue(request.param)
