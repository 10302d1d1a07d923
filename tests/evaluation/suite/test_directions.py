"""Stability, splitting and c_dec: on cases done by hand, and with planted answers."""

import numpy as np
import pytest
import torch

from unmix.evaluation.matching import alikeness, c_dec
from unmix.evaluation.suite import cdec, splitting, stability
from unmix.evaluation.suite.cdec import Level
from unmix.evaluation.suite.shapes import groups, random_like
from unmix.training.config import DictionaryConfig


def directions(m: int, d: int, *, seed: int = 0) -> torch.Tensor:
    return random_like(torch.zeros(m, d), seed=seed)


def values(made: list) -> dict[str, float]:
    return {one.name: one.value for one in made}


def test_a_shuffled_copy_is_the_same_dictionary():
    W = directions(40, 16)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    found = stability.alike(W, -W[order], largest=100)
    got = values(stability.scores([found], began=0.0, seed=0))
    assert got == pytest.approx(
        {"PW-MCC": 1, "matched > 0.7": 1, "mutual > 0.7": 1, "nearest": 1}, abs=1e-5
    )


def test_stability_by_hand():
    W = torch.eye(3)
    V = torch.tensor([[0.6, 0.8, 0.0], [1.0, 0.0, 0.0], [0.6, 0.8, 0.0]])
    found = stability.alike(W, V, largest=3)
    # Cosines: 0 with (.6, 1, .6), 1 with (.8, 0, .8), 2 with none: 1 + .8 + 0 is the best sum.
    assert found.matched.tolist() == pytest.approx([1, 0.8, 0])
    assert found.nearest.tolist() == pytest.approx([1, 0.8, 0])
    assert found.mutual.tolist() == [True, True, False]
    got = values(stability.scores([found], began=0.0, seed=0))
    assert got["PW-MCC"] == pytest.approx(0.6)
    assert got["matched > 0.7"] == got["mutual > 0.7"] == pytest.approx(2 / 3)


def test_a_planted_share_is_found_again():
    W, V = directions(200, 64), directions(200, 64, seed=1)
    V[:120] = W[:120]
    got = values(stability.scores([stability.alike(W, V, largest=200)], began=0.0, seed=0))
    assert got["matched > 0.7"] == got["mutual > 0.7"] == pytest.approx(0.6)


def test_the_assignment_is_left_out_of_dictionaries_that_are_too_large():
    W = directions(20, 8)
    found = stability.scores([stability.alike(W, W, largest=19)], began=0.0, seed=0)
    assert [one.name for one in found] == ["mutual > 0.7", "nearest"]


def test_latents_are_averaged_over_the_others():
    W = torch.eye(2)
    made = [stability.alike(W, V, largest=2) for V in (W, torch.tensor([[0.0, 1.0], [0.0, 1.0]]))]
    assert values(stability.scores(made, began=0.0, seed=0))["PW-MCC"] == pytest.approx(0.75)


def test_splitting_by_hand():
    narrow = torch.eye(3)
    wide = torch.tensor([[1, 0.1, 0], [1, 0, 0.2], [-1, 0, 0], [0, 1, 0], [0.5, 0.5, 0.5]])
    found = splitting.split(narrow, wide.float(), above=0.7)
    assert found.parent.tolist() == [0, 0, -1, 1, -1]
    assert found.children.tolist() == [2, 1, 0]
    got = values(splitting.scores(found, began=0.0, seed=0))
    expected = {"found again": 2 / 3, "split": 1 / 3, "new": 2 / 5, "children": 1}
    assert got == pytest.approx(expected)


def test_slabs_change_nothing(monkeypatch: pytest.MonkeyPatch):
    narrow, wide = directions(12, 6), directions(50, 6, seed=1)
    whole = splitting.split(narrow, wide, above=0.5)
    monkeypatch.setattr(splitting, "SLAB", 12 * 7)
    parts = splitting.split(narrow, wide, above=0.5)
    assert (whole.parent == parts.parent).all()
    assert (whole.children == parts.children).all()


def test_children_are_kept_the_most_alike_first():
    narrow = torch.eye(2)
    wide = torch.tensor([[0.9, 0.3], [1.0, 0.0], [0.0, 1.0]])
    lines = list(splitting._lines("a in b", splitting.split(narrow, wide, above=0.7)))
    assert lines[0].startswith('{"pair": "a in b", "latent": 0, "children": [1, 0], "cosines": [1')
    assert '"latent": 1, "children": [2]' in lines[1]


def test_terms_have_the_mean_and_the_spread_of_c_dec():
    W = directions(60, 5)
    terms = cdec.terms(W)
    assert terms.mean() == pytest.approx(c_dec(W))
    unit = (W / W.norm(dim=1, keepdim=True)).double()
    size = (unit @ unit.T).abs()
    size.fill_diagonal_(0)
    assert alikeness(W).tolist() == pytest.approx((size.sum(1) / 59).tolist(), abs=1e-6)


def test_the_terms_tell_the_spread_of_c_dec():
    """It is that of other dictionaries drawn alike, here with half of the latents in a bundle."""
    generator = torch.Generator().manual_seed(0)

    def drawn() -> torch.Tensor:
        W = torch.randn(60, 5, generator=generator)
        W[:, 0] += 4.0 * (torch.rand(60, generator=generator) < 0.5)
        return W

    found = np.std([c_dec(drawn()) for _ in range(400)])
    spread = np.mean([cdec.terms(drawn()).std() for _ in range(40)]) / 60**0.5
    assert found == pytest.approx(spread, rel=0.15)


def test_the_smallest_c_dec_suggests_an_l0():
    made = {8.0: 0.09, 16.0: 0.05, 32.0: 0.06}
    series = [Level(f"k{l0:g}", l0, np.full(50, value)) for l0, value in made.items()]
    said = cdec.suggestion(series, seed=0)
    assert "smallest at L0 16.0 (`k16`), of 3 from 8.000 to 32.0" in said
    assert "between 16.0 and 16.0" in said
    assert "the end" not in said
    assert "try a larger L0" in cdec.suggestion(series[:2], seed=0)


def test_groups_share_all_but_what_is_named():
    every = {
        "a": DictionaryConfig(latents=8, k=2, seed=0),
        "b": DictionaryConfig(latents=8, k=2, seed=1),
        "c": DictionaryConfig(latents=16, k=2, seed=1),
    }
    assert groups(every, but=["seed"]) == [["a", "b"], ["c"]]
    assert groups(every, but=["latents"]) == [["a"], ["b", "c"]]
    assert groups(every, but=["latents", "seed"]) == [["a", "b", "c"]]
