"""Training finds what was planted, for every kind, and keeps its promises on the way."""

import pytest
import torch

from tests.training.planted import FEATURES, WIDTH, Planted, directions, sample
from unmix.activations.stream import Stream
from unmix.dictionaries.scaling import Scaling, identity
from unmix.training.config import DictionaryConfig
from unmix.training.learner import Learner, Length
from unmix.training.loop import fit
from unmix.training.penalty import Penalty
from unmix.training.schedules import default_lr, ramp, trapezoid

STEPS, BATCH = 400, 512

RECIPES = {
    "topk": {"kind": "topk", "k": 3},
    "batch-topk": {"kind": "batch-topk", "k": 2},
    "abs-topk": {"kind": "abs-topk", "k": 3},
    "relu-april": {"kind": "relu", "k": 2},
    "relu-bricken": {"kind": "relu", "k": 2, "recipe": "bricken", "resample_every": 20_000},
    "gated": {"kind": "gated", "k": 2},
    "jumprelu-step": {"kind": "jumprelu", "k": 2},
    "jumprelu-tanh": {"kind": "jumprelu", "k": 2, "penalty": "tanh", "pre_activation": 3e-6},
    "jumprelu-quadratic": {"kind": "jumprelu", "k": 2, "penalty": "quadratic"},
    "matryoshka": {"kind": "batch-topk", "k": 2, "prefixes": (12,), "prefix_weight": 0.25},
    "ema": {"kind": "topk", "k": 3, "ema": 0.99, "clip": 1.0},
}


def learn(settings: dict[str, object], *, site: str = "a", target: str | None = None) -> Learner:
    """Train one dictionary on the planted source."""
    source = Planted()
    config = DictionaryConfig.model_validate({"latents": FEATURES, "lr": 1e-2} | settings)
    moments = {s: source.moments(s) for s in ("a", "b")}
    scaling = {s: Scaling(m.mean.float(), m.variance**0.5) for s, m in moments.items()}
    length = Length(STEPS, BATCH, 0.05, 0.2)
    given, wanted = scaling[site], scaling[target] if target else None
    learner = Learner(config, given, target=wanted, length=length)
    stream = Stream(source, batch=BATCH)
    for _ in fit({"it": learner}, stream, site=site, target=target, steps=STEPS):
        pass
    return learner


@pytest.mark.parametrize("name", RECIPES)
def test_finds_the_features_that_made_the_data(name: str):
    learner = learn(RECIPES[name])
    found = learner.finished()
    torch.testing.assert_close(found.W_dec.norm(dim=1), torch.ones(FEATURES), rtol=1e-4, atol=1e-4)
    cosines = directions() @ found.W_dec.T
    cosines = cosines.abs() if name == "abs-topk" else cosines
    assert cosines.max(1).values.mean() > 0.97
    x = sample(2000, seed=77)
    code = found.encode(x)
    l0 = float(code.l0().mean())
    if learner.config.kind in ("batch-topk", "relu", "gated", "jumprelu"):
        assert l0 == pytest.approx(2, rel=0.05)
    fvu = (x - found.decode(code)).square().sum() / (x - x.mean(0)).square().sum()
    assert fvu < (0.45 if learner.config.kind == "relu" else 0.2)


def test_a_transcoder_learns_another_site():
    found = learn({"kind": "topk", "k": 3, "skip": True}, target="b").finished()
    x = sample(2000, seed=78)
    y = x.flip(1)
    error = (y - found(x)).square().sum() / (y - y.mean(0)).square().sum()
    assert error < 0.1


def test_a_frozen_twin_keeps_its_directions():
    length = Length(20, BATCH, 0.05, 0.2)
    config = DictionaryConfig(kind="topk", k=3, latents=FEATURES, lr=1e-2)
    learner = Learner(config, identity(WIDTH), target=None, length=length, frozen=True)
    before = {n: p.detach().clone() for n, p in learner.dictionary.named_parameters()}
    stream = Stream(Planted(), batch=BATCH)
    for _ in fit({"it": learner}, stream, site="a", steps=20):
        pass
    assert torch.equal(before["W_dec"], learner.dictionary.W_dec)
    assert not torch.equal(before["W_enc"], learner.dictionary.W_enc)


def test_many_at_once_equal_each_alone():
    configs = {
        "a": DictionaryConfig(kind="topk", k=3, latents=FEATURES, lr=1e-2),
        "b": DictionaryConfig(kind="batch-topk", k=2, latents=12, lr=1e-3, seed=1),
    }
    length = Length(20, BATCH, 0.05, 0.2)

    def run(names: list[str]) -> dict[str, torch.Tensor]:
        made = {n: Learner(configs[n], identity(WIDTH), target=None, length=length) for n in names}
        for _ in fit(made, Stream(Planted(), batch=BATCH), site="a", steps=20):
            pass
        return {n: learner.dictionary.W_dec for n, learner in made.items()}

    together = run(["a", "b"])
    for name in configs:
        assert torch.equal(run([name])[name], together[name])


def test_the_closed_form_of_l1_shrinkage():
    """Orthonormal features of strength 1: an act is 1 - lambda / (2 (1 - p)), the FVU follows."""
    p, d, weight = 0.05, 20, 0.4
    draw = torch.Generator().manual_seed(0)
    config = DictionaryConfig(
        kind="relu", recipe="bricken", latents=d, k=1, weight=weight, lr=1e-2, aux=0
    )
    length = Length(1500, 512, 0.05, 0.3)
    learner = Learner(config, identity(d), target=None, length=length)
    with torch.no_grad():
        learner.dictionary.b_enc.zero_()
        learner.dictionary.W_dec.copy_(torch.eye(d) + 0.1 * torch.randn(d, d, generator=draw))
        learner.dictionary.W_enc.copy_(learner.dictionary.W_dec)

    def batches():
        while True:
            yield {"x": (torch.rand(512, d, generator=draw) < p).float()}

    for _ in fit({"it": learner}, batches(), site="x", steps=1500):
        pass
    found = learner.finished()
    x = (torch.rand(20_000, d, generator=draw) < p).float()
    code = found.encode(x)
    on = code.values[code.values > 0.1].mean()
    assert float(on) == pytest.approx(1 - weight / (2 * (1 - p)), abs=0.01)
    fvu = (x - found.decode(code)).square().sum() / (x - p).square().sum()
    assert float(fvu) == pytest.approx((weight / 2) ** 2 / (1 - p) ** 2, abs=0.004)
    assert found.W_dec.max(1).values.min() > 0.999


def test_schedules_by_hand():
    shape = [trapezoid(i, 100, warm_up=0.1, decay=0.2) for i in (1, 5, 10, 50, 81, 100)]
    assert shape == pytest.approx([0.1, 0.5, 1, 1, 1, 0.05])
    assert [ramp(i, 100, warm_up=0.1) for i in (1, 10, 90)] == pytest.approx([0.1, 1, 1])
    assert default_lr(2**14, 100_000) == pytest.approx(2e-4)
    assert default_lr(2**12, 1_000) == pytest.approx(4e-3)
    assert default_lr(2**14, 5) == pytest.approx(15 * 2e-4)


def test_a_fixed_penalty_is_not_steered():
    penalty = Penalty(fixed=0.3, k=4, initial=0.1, steps=100)
    penalty.observe(100.0)
    assert penalty.weight(1.0) == 0.3
    steered = Penalty(fixed=None, k=4, initial=0.1, steps=100)
    steered.observe(100.0)
    assert steered.weight(1.0) > 0.1
    assert steered.weight(0.5) == pytest.approx(steered.weight(1.0) / 2)
