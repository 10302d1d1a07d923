"""Probes that are given the answers: exact where they can be, and no better than they should."""

import pytest
import torch

from unmix.errors import UserError
from unmix.evaluation.ceiling import fit_probes, probe_ceiling
from unmix.worlds.named import world


def test_a_probe_is_at_the_minimum_of_its_loss():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2000, 3, generator=draw)
    given = x @ torch.tensor([[1.0, -2, 0], [0, 0, 1]]).T + torch.tensor([0.5, -1.0])
    answers = (torch.rand(2000, 2, generator=draw) < given.sigmoid()).float()
    W, b = fit_probes(x, answers)
    left = torch.addmm(b, x, W.T).sigmoid() - answers
    torch.testing.assert_close(left.mean(0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(left.T @ x / 2000, torch.zeros(2, 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(W[0], torch.tensor([1.0, -2, 0]), atol=0.25, rtol=0)


def test_features_at_right_angles_are_told_without_fail():
    ceiling = probe_ceiling(world("shrinkage"), n=8192)
    assert ceiling.value == pytest.approx(1, abs=1e-3)
    assert ceiling.definition


def test_superposition_lowers_the_ceiling():
    above, below = (probe_ceiling(world("superposed", width=d), n=8192).value for d in (48, 12))
    assert above is not None
    assert below is not None
    assert below < above - 0.1


def test_too_few_tokens():
    with pytest.raises(UserError, match="raise `n`"):
        probe_ceiling(world("sanity"), n=512)
