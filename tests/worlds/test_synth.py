"""The large world: how often its features are on, and what its forest looks like."""

import pytest
import torch

from unmix.worlds.synth import compensated, forest, synth, zipf


def test_chances_fall_from_the_highest_to_the_lowest():
    chance = zipf(1000, highest=0.4, lowest=5e-4)
    assert float(chance[0]) == pytest.approx(0.4)
    assert float(chance[-1]) == pytest.approx(5e-4)
    roots = torch.arange(1, 1001).double().rsqrt()
    share = (roots - roots[-1]) / (1 - roots[-1])
    torch.testing.assert_close(chance.double(), 5e-4 + 0.3995 * share, atol=1e-7, rtol=1e-5)


def test_a_forest_is_numbered_level_by_level():
    parents = forest(40, trees=2, branches=3, depth=2)
    assert parents[:8].tolist() == [-1, -1, 0, 0, 0, 1, 1, 1]
    assert parents[8:26].tolist() == [p for p in range(2, 8) for _ in range(3)]
    assert parents[26:].unique().tolist() == [-1]
    assert forest(5, trees=2, branches=3, depth=2).tolist() == [-1, -1, 0, 0, 0]


def test_compensation_by_hand():
    chance = torch.tensor([0.5, 0.1, 0.05])
    parents = torch.tensor([-1, 0, 0])
    wanted = torch.tensor([0.5, 0.2 * (1 + 0.1), 0.1 * (1 + 0.2)])
    torch.testing.assert_close(compensated(chance, parents), wanted)
    sure = compensated(torch.tensor([0.5, 0.4, 0.4]), parents)
    assert sure.tolist() == [0.5, 1.0, 1.0]


def test_features_are_about_as_frequent_as_without_a_forest():
    there = synth(n_features=512, width=64, trees=16, branches=3, depth=2, steps=20)
    code = there.sample(40_000).code
    chance = zipf(512, highest=0.4, lowest=5e-4)
    share = code.counts() / 4e4
    torch.testing.assert_close(share[:16], chance[:16], atol=0.015, rtol=0)
    inside = slice(16, 16 + 48 + 144)  # where compensation is only nearly right: chances end at 1
    assert 0.75 < float(share[inside].mean() / chance[inside].mean()) < 1.05
    torch.testing.assert_close(share[300:], chance[300:], atol=0.005, rtol=0.2)


def test_the_copula_makes_features_go_together():
    bound, free = (
        synth(n_features=60, width=32, trees=4, depth=1, lowest=0.2, steps=1, correlation=c)
        for c in (0.15, 0.0)
    )
    spreads = []
    for there in (bound, free):
        on = (there.sample(20_000).code.dense()[:, -20:] > 0).float()  # those outside the forest
        together = torch.corrcoef(on.T) - torch.eye(20)
        spreads.append(float(together.square().mean().sqrt()))
    assert spreads[1] < 0.01
    assert spreads[0] > 3 * spreads[1]
