"""A run opened: which one, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.explorer.live.made import make_run
from unmix.errors import UserError
from unmix.explorer.live.forward import batches, filled
from unmix.explorer.live.session import Session, open_session


@pytest.fixture
def copied(llama_run: Path, tmp_path: Path) -> Path:
    shutil.copytree(llama_run, tmp_path / "run")
    return tmp_path / "run"


def test_what_is_measured_is_what_was_trained_on(session: Session):
    facts = session.sites
    assert set(facts) == {session.site, session.target}
    assert session.mean.dtype == torch.float64
    assert session.bos == "context"
    for name, bound in session.bounds.items():
        assert bound == session.config.massive * session.medians[name]
    assert session.most_tokens == 128


def test_the_model_is_cut_at_the_site_where_that_changes_nothing(llama: Session, gpt2: Session):
    for session in (llama, gpt2):
        assert session.cut is not None
        assert session.cut.index == 0


def test_a_model_that_cannot_be_cut_is_run_whole(llama_run: Path, monkeypatch: pytest.MonkeyPatch):
    whole = torch.equal
    monkeypatch.setattr(torch, "equal", lambda a, b: a.ndim != 3 and whole(a, b))
    assert open_session(llama_run).cut is None


def test_there_are_no_labels_without_an_index(llama: Session, indexed: Session):
    assert llama.labels == [""] * 48
    assert len(indexed.labels) == 48


def test_a_run_that_is_not_finished_is_refused(copied: Path):
    shutil.rmtree(copied / "dictionary")
    with pytest.raises(UserError, match="has no finished dictionary; go on with"):
        open_session(copied)


def test_a_store_that_is_gone_is_not_harvested_again(copied: Path):
    shutil.rmtree(copied / "store")
    with pytest.raises(UserError, match="holds no store"):
        open_session(copied)
    assert not (copied / "store").exists()


def test_activations_of_something_else_are_refused(copied: Path):
    path = copied / "dictionary" / "config.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"source": "0123456789abcdef"}))
    with pytest.raises(UserError, match="was trained on other activations"):
        open_session(copied)


def test_an_index_of_another_dictionary_is_refused(indexed_run: Path, tmp_path: Path):
    run = tmp_path / "run"
    shutil.copytree(indexed_run, run)
    weights = run / "dictionary" / "dictionary.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    session = open_session(run)
    with pytest.raises(UserError, match="is of another dictionary; write it anew"):
        _ = session.index


def test_one_of_several_dictionaries_is_named(tmp_path: Path):
    run = make_run(tmp_path, sweep={"k": (3, 5)})
    with pytest.raises(UserError, match="has several dictionaries; name one of `k3`, `k5`"):
        open_session(run)
    with pytest.raises(UserError, match="has no dictionary `k9`; there are `k3`, `k5`"):
        open_session(run, name="k9")
    session = open_session(run, name="k5")
    assert session.dictionary.sparsity.settings()["k"] == 5
    assert session.labels == [""] * 48


def test_a_run_read_on_the_fly_is_opened_too(tmp_path: Path, llama: Session):
    run = make_run(tmp_path, store=None)
    session = open_session(run)
    assert session.medians == pytest.approx(llama.medians, rel=1e-2)


def test_rows_of_about_one_length_are_run_together():
    lengths = [9, 1, 5, 2, 9, 30]
    groups = batches(lengths, tokens=18)
    assert sorted(i for group in groups for i in group) == list(range(6))
    assert all(len(g) * max(lengths[i] for i in g) <= 18 or len(g) == 1 for g in groups)
    assert filled([[1, 2, 3], [4]]).tolist() == [[1, 2, 3], [4, 4, 4]]
