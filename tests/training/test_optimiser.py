"""The optimiser's one pass equals projection, clipping, torch's Adam and renormalisation."""

import pytest
import torch

from tests.dictionaries.made import D, M, make
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.scaling import unit_rows
from unmix.training.config import Rule
from unmix.training.optimiser import BETA2, EPS, Optimiser, orthogonal


def reference(d: Dictionary, *, beta1: float, unit: bool) -> torch.optim.Adam:
    return torch.optim.Adam(d.parameters(), lr=1e-2, betas=(beta1, BETA2), eps=EPS)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("clip", [None, 1e-3, 100.0])
@pytest.mark.parametrize("beta1", [0.0, 0.9])
def test_equals_the_separate_passes(
    dtype: torch.dtype, unit: bool, clip: float | None, beta1: float
):
    mine, other = make("jumprelu").to(dtype), make("jumprelu").to(dtype)
    with torch.no_grad():
        for d in (mine, other):
            d.W_dec.div_(d.W_dec.norm(dim=1, keepdim=True))
    optimiser = Optimiser(mine, beta1=beta1, clip=clip, unit_rows=unit)
    adam = reference(other, beta1=beta1, unit=unit)
    draw = torch.Generator().manual_seed(3)
    for _ in range(4):
        for p, q in zip(mine.parameters(), other.parameters(), strict=True):
            q.grad = torch.randn(q.shape, generator=draw, dtype=dtype)
            p.grad.add_(q.grad)
        if unit:
            along = (other.W_dec.grad * other.W_dec).sum(1, keepdim=True)
            other.W_dec.grad.sub_(along.detach() * other.W_dec.detach())
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(other.parameters(), clip)
        optimiser.step(1e-2)
        adam.step()
        if unit:
            with torch.no_grad():
                other.W_dec.div_(other.W_dec.norm(dim=1, keepdim=True))
        for (name, p), q in zip(mine.named_parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(p, q, msg=lambda m, name=name: f"{name}: {m}")
            assert (p.grad == 0).all()


def test_what_takes_no_gradient_stays():
    d = make("topk")
    d.W_dec.requires_grad_(False)
    before = d.W_dec.clone()
    optimiser = Optimiser(d, beta1=0.9, clip=1.0, unit_rows=False)
    d.W_enc.grad.fill_(1.0)
    optimiser.step(1e-2)
    assert torch.equal(d.W_dec, before)
    assert d.W_dec.grad is None


def test_forgetting_touches_only_the_latents_named():
    d = make("jumprelu")
    optimiser = Optimiser(d, beta1=0.9, clip=None, unit_rows=True)
    for p in d.parameters():
        p.grad.fill_(1.0)
    optimiser.step(1e-3)
    optimiser.forget(torch.tensor([2, 5]))
    moments = optimiser.moments()
    for name in ("mean.W_enc", "square.W_dec", "mean.b_enc", "square.sparsity.log_threshold"):
        rows = moments[name].view(M, -1)
        assert (rows[[2, 5]] == 0).all()
        assert (rows[[0, 1, 3, 4]] != 0).all()
    assert moments["mean.b_pre"].shape == (D,)
    assert (moments["mean.b_pre"] != 0).all()


def test_muon_brings_singular_values_near_one():
    for shape in ((40, 12), (12, 40)):
        G = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        values = torch.linalg.svdvals(orthogonal(G))
        assert (values > 0.6).all()
        assert (values < 1.3).all()


@pytest.mark.parametrize("rule", ["adam", "adam8", "signum", "muon"])
def test_every_rule_lowers_the_loss_and_keeps_unit_rows(rule: Rule):
    d = make("topk").float()
    unit_rows(d)
    optimiser = Optimiser(d, rule=rule, beta1=0.9, clip=1.0, unit_rows=True)
    x = torch.randn(200, D, generator=torch.Generator().manual_seed(1))
    losses = []
    for _ in range(60):
        loss = (d(x) - x).square().mean()
        loss.backward()
        optimiser.step(3e-3)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    torch.testing.assert_close(d.W_dec.norm(dim=1), torch.ones(M))
