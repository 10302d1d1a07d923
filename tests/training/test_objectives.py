"""Objectives by hand, against plain float64 autograd, and their known traps."""

import pytest
import torch

from tests.dictionaries.made import D, M, N, make
from unmix.training import objectives
from unmix.training.objectives import Look
from unmix.training.optimiser import Optimiser


def look_at(kind: str = "topk", prefixes: tuple[int, ...] = (), weight: float = 1.0) -> Look:
    """Return one step of a random float64 dictionary."""
    d = make(kind)
    x = torch.randn(N, D, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    return objectives.look_at(d, x, x, prefixes=prefixes, prefix_weight=weight)


def gradients(look: Look) -> dict[str, torch.Tensor | None]:
    """Return the gradients of a look's dictionary by name."""
    return {name: p.grad for name, p in look.dictionary.named_parameters()}


def test_reconstruction_by_hand():
    look = look_at()
    expected = ((look.x - look.dictionary(look.x)) ** 2).sum(1).mean()
    torch.testing.assert_close(look.reconstruction, expected)


@pytest.mark.parametrize("prefixes", [(5, 20), (5, 20, M)], ids=str)
def test_nested_prefixes_equal_separate_dictionaries(prefixes: tuple[int, ...]):
    look = look_at(prefixes=prefixes, weight=0.25)
    acts = look.code.dense()
    d = look.dictionary
    errors = [
        ((look.x - acts[:, :p] @ d.W_dec[:p] - d.b_dec) ** 2).sum(1).mean() for p in (5, 20, M)
    ]
    expected = (0.25 * (errors[0] + errors[1]) + errors[2]) / 1.5
    got = look.reconstruction
    torch.testing.assert_close(got, expected)
    got.backward()
    sparse = gradients(look)
    d.zero_grad()
    again = look_at(prefixes=prefixes)
    acts = again.code.dense()
    W, b = again.dictionary.W_dec, again.dictionary.b_dec
    errors = [((again.x - acts[:, :p] @ W[:p] - b) ** 2).sum(1).mean() for p in (5, 20, M)]
    ((0.25 * (errors[0] + errors[1]) + errors[2]) / 1.5).backward()
    for name, grad in gradients(again).items():
        torch.testing.assert_close(sparse[name], grad)


def test_l1_of_both_recipes():
    look = look_at("relu")
    acts = look.code.dense()
    torch.testing.assert_close(objectives.l1(look, by_norm=False), acts.sum(1).mean())
    norms = look.dictionary.W_dec.norm(dim=1)
    torch.testing.assert_close(objectives.l1(look, by_norm=True), (acts * norms).sum(1).mean())


def test_jumprelu_counts():
    look = look_at("jumprelu")
    fired = (look.code.dense() != 0).double().sum(1).mean()
    torch.testing.assert_close(objectives.l0_step(look), fired)
    torch.testing.assert_close(objectives.l0_quadratic(look, 4.0), D * (fired / 4 - 1) ** 2)
    norms = look.dictionary.W_dec.norm(dim=1)
    soft = torch.tanh(4 * look.code.dense() * norms).sum(1).mean()
    torch.testing.assert_close(objectives.l0_tanh(look), soft)
    objectives.l0_step(look).backward()
    low = look.dictionary.sparsity.log_threshold.exp()
    pre = (look.x - look.dictionary.b_pre) @ look.dictionary.W_enc.T + look.dictionary.b_enc
    near = ((pre - low).abs() < 0.15).double().sum(0) / N
    expected = -near / 0.3 * low
    torch.testing.assert_close(look.dictionary.sparsity.log_threshold.grad, expected.detach())


def test_gate_terms_do_not_move_the_decoder():
    look = look_at("gated")
    pre = (look.x - look.dictionary.b_pre) @ look.dictionary.W_enc.T + look.dictionary.b_enc
    torch.testing.assert_close(objectives.gate_l1(look), pre.relu().sum(1).mean())
    rebuilt = pre.relu() @ look.dictionary.W_dec + look.dictionary.b_dec
    expected = ((look.x - rebuilt) ** 2).sum(1).mean()
    got = objectives.gate_reconstruction(look)
    torch.testing.assert_close(got, expected)
    got.backward()
    assert look.dictionary.W_dec.grad is None
    assert look.dictionary.W_enc.grad.abs().sum() > 0


def test_auxk_against_a_dense_reference():
    dead = torch.tensor([1, 4, 7, 30, 44])
    look, k = look_at(), 3
    got = objectives.auxk(look, dead, k)
    d = look.dictionary
    error = (look.x - d(look.x)).detach()
    pre = (look.x - d.b_pre) @ d.W_enc.T + d.b_enc
    masked = torch.full_like(pre, -torch.inf).index_copy(1, dead, pre[:, dead])
    top = masked.topk(k).indices
    acts = torch.zeros_like(pre).scatter(1, top, pre.gather(1, top).relu())
    left = ((error - acts @ d.W_dec) ** 2).sum(1).mean()
    whole = ((error - error.mean(0)) ** 2).sum(1).mean()
    torch.testing.assert_close(got, left / whole * D)


def test_gradients_of_auxk():
    dead, look = torch.tensor([1, 4, 7, 30, 44]), look_at()
    d = look.dictionary
    objectives.auxk(look, dead, 9).backward()
    got = {name: grad.clone() for name, grad in gradients(look).items() if grad is not None}
    d.zero_grad()
    error = look.error
    acts = ((look.x - d.b_pre.detach()) @ d.W_enc[dead].T + d.b_enc[dead]).relu()
    left = ((error - acts @ d.W_dec[dead]) ** 2).sum()
    (left / ((error - error.mean(0)) ** 2).sum() * D * 5 / 9).backward()
    assert set(got) == {"W_enc", "W_dec", "b_enc"}
    for name, grad in got.items():
        torch.testing.assert_close(grad, gradients(look)[name], msg=lambda m, name=name: name + m)


def test_auxk_teaches_the_encoder_and_only_the_dead():
    look, dead = look_at(), torch.tensor([1, 4, 7])
    objectives.auxk(look, dead, 2).backward()
    for name in ("W_enc", "W_dec"):
        grad = gradients(look)[name]
        assert grad[dead].abs().sum() > 0
        grad[dead] = 0
        assert (grad == 0).all()
    assert look.dictionary.b_pre.grad is None


def test_auxk_of_nobody_is_zero():
    assert objectives.auxk(look_at(), torch.zeros(0, dtype=torch.int64), 4) == 0


def test_auxk_looks_at_a_part_of_the_batch(monkeypatch: pytest.MonkeyPatch):
    look, dead = look_at(), torch.tensor([1, 4, 7])
    monkeypatch.setattr(objectives, "AUX_FEWEST", 4)
    some = int(len(look.x) * objectives.AUX_SHARE)
    assert 4 < some < len(look.x)
    part = objectives.auxk(look, dead, 2)
    monkeypatch.setattr(objectives, "AUX_SHARE", 1)
    few = look._replace(x=look.x[:some], error=look.error[:some])
    assert torch.equal(part, objectives.auxk(few, dead, 2))


def test_pre_activation_by_hand():
    look, dead = look_at("jumprelu"), torch.tensor([2, 9])
    d = look.dictionary
    pre = ((look.x - d.b_pre) @ d.W_enc.T + d.b_enc)[:, dead]
    low = d.sparsity.log_threshold.exp()[dead]
    expected = ((low - pre).relu() * d.W_dec[dead].norm(dim=1)).sum(1).mean()
    torch.testing.assert_close(objectives.pre_activation(look, dead), expected)


def test_resampling_follows_the_six_steps():
    from unmix.training.resample import resample

    look = look_at("relu")
    d = look.dictionary
    optimiser = Optimiser(d, beta1=0.9, clip=None, unit_rows=True)
    look.reconstruction.backward()
    optimiser.step(1e-3)
    dead = torch.tensor([3, 8, 21])
    before = d.W_enc.detach().clone()
    resample(look, dead, optimiser, seed=0)
    alive = torch.ones(M, dtype=torch.bool).index_fill(0, dead, value=False)
    norms = d.W_enc[dead].norm(dim=1)
    torch.testing.assert_close(norms, (0.2 * before[alive].norm(dim=1).mean()).expand(3))
    torch.testing.assert_close(d.W_dec[dead].norm(dim=1), torch.ones(3, dtype=torch.float64))
    inputs = torch.nn.functional.normalize(look.x - d.b_pre, dim=1)
    assert ((d.W_dec[dead] @ inputs.T).max(1).values > 0.999).all()
    assert (d.b_enc[dead] == 0).all()
    assert (optimiser.moments()["mean.W_dec"][dead] == 0).all()
    assert (optimiser.moments()["mean.W_dec"][alive] != 0).any()
    assert torch.equal(d.W_enc[alive], before[alive])
