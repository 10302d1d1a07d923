"""Every world: what its tokens are made of, and that they come in the same order every time."""

import numpy as np
import pytest
import torch

from unmix.errors import UserError
from unmix.training.build import new_dictionary
from unmix.training.config import DictionaryConfig
from unmix.worlds.directions import apart, at_random, at_right_angles, polygon
from unmix.worlds.named import WORLDS, world
from unmix.worlds.small import toy
from unmix.worlds.superposition import dimensionality, elhage
from unmix.worlds.world import Listed, Planted, World

CHEAP = {
    "elhage": {"steps": 50},
    "synth": {"n_features": 400, "width": 32, "trees": 16, "steps": 5},
}


def made(name: str) -> World:
    return world(name, **CHEAP.get(name, {}))


each_world = pytest.mark.parametrize("name", list(WORLDS))


@each_world
def test_tokens_are_the_sum_of_the_directions_of_what_is_on(name: str):
    there = made(name)
    x, code = there.sample(500, seed=1)
    assert x.shape == (500, there.width)
    assert x.dtype == torch.float32
    assert code.n_latents == there.n_features
    assert bool((code.values > 0).all())
    lengths = there.directions.norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))
    rebuilt = code.dense() @ there.directions
    noise = 0.02
    if isinstance(there, Planted):
        rebuilt, noise = rebuilt + there.bias, there.noise
    left = (x - rebuilt).square().mean().sqrt()
    assert float(left) == pytest.approx(noise, abs=1e-5 + 0.05 * noise)


@each_world
def test_a_batch_is_the_same_every_time(name: str):
    there = made(name)
    first = there.sample(64, seed=5, number=3)
    stream = there.stream(64, seed=5, first=2)
    next(stream)
    again = next(stream)
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.code.dense(), again.code.dense())
    if isinstance(there, Planted):
        assert not torch.equal(first.x, there.sample(64, seed=6, number=3).x)
        assert not torch.equal(first.x, there.sample(64, seed=5, number=4).x)


@each_world
def test_a_child_is_on_only_where_its_parent_is(name: str):
    there = made(name)
    on = there.sample(2000).code.dense() > 0
    for child, parent in enumerate(there.parents.tolist()):
        if parent >= 0:
            assert not bool((on[:, child] & ~on[:, parent]).any())


def test_toy_is_the_data_of_the_listing_bit_for_bit():
    rs = np.random.RandomState(0)
    n, d, m, k = 256, 10, 24, 3
    D_true = rs.randn(d, m)
    D_true /= np.linalg.norm(D_true, axis=0, keepdims=True)
    Z_true = np.zeros((n, m))
    for row in Z_true:
        row[rs.choice(m, k, replace=False)] = rs.uniform(0.5, 1.5, k)
    X = Z_true @ D_true.T + 0.02 * rs.randn(n, d)
    there = toy()
    assert isinstance(there, Listed)
    assert np.array_equal(there.x.numpy(), X)
    assert np.array_equal(there.acts.numpy(), Z_true)
    x, code = there.sample(256)
    assert torch.equal(x, torch.from_numpy(X).float())
    assert torch.equal(code.dense(), torch.from_numpy(Z_true).float())
    assert torch.equal(there.sample(100, number=3).x, x[torch.arange(300, 400) % 256])


def test_small_worlds_are_as_their_pages_say():
    means = {
        "flat": 4.0,
        "tree": 3.0,
        "nabeshima": 3 * 0.15 * 1.6 + 8 * 0.05,
        "absorption": 0.25 + 3 * 0.05,
        "hedging": 0.3,
        "shrinkage": 1.0,
        "superposed": 64 * 0.04,
        "sharkey": 5.0,
        "sanity": 20.0,
        "plane": 1.0,
        "cube": 1.0,
        "pair": 2.0,
    }
    for name, wanted in means.items():
        found = float(made(name).sample(20_000).code.l0().mean())
        assert found == pytest.approx(wanted, rel=0.04), name


def test_the_varied_sanity_world_has_the_same_mean_and_rarer_features():
    there = world("sanity", varied=True)
    assert isinstance(there, Planted)
    chance = there.firing.chance
    assert float(chance.sum()) == pytest.approx(20, rel=1e-3)
    assert float(chance.max() / chance.min()) > 1e4


def test_a_pair_is_correlated_as_told():
    for wanted in (0.4, -0.4):
        on = (world("pair", correlation=wanted).sample(30_000).code.dense() > 0).float()
        found = float(torch.corrcoef(on.T)[0, 1:].mean())
        assert found * wanted > 0
        assert abs(float(torch.corrcoef(on.T)[1, 2])) < 0.03


def test_without_a_forest_children_are_as_frequent():
    for name in ("absorption", "hedging"):
        below, beside = (world(name, hierarchical=h).sample(40_000).code for h in (True, False))
        torch.testing.assert_close(below.counts() / 4e4, beside.counts() / 4e4, atol=0.01, rtol=0)
        on = beside.dense() > 0
        assert bool((on[:, 1] & ~on[:, 0]).any())


def test_a_world_and_a_dictionary_of_one_seed_begin_apart():
    for seed in (0, 42):
        D = at_random(40, 16, seed=seed)
        W = new_dictionary(DictionaryConfig(latents=40, k=2, seed=seed), 16).W_dec.detach()
        assert float((D * W).sum(1).abs().mean()) < 0.5


def test_apart_follows_the_gradient_of_its_objective():
    start = at_random(30, 8, seed=1)
    D = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([D], lr=0.01)
    for _ in range(20):
        products = D @ D.T
        own = products.diagonal()
        loss = products.square().sum() - own.square().sum() + 30 * (own - 1).square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    wanted = torch.nn.functional.normalize(D.detach(), dim=1)
    found = apart(start, steps=20, lr=0.01)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-3)
    assert nearest(found) < nearest(start)


def nearest(D: torch.Tensor) -> float:
    return float((D @ D.T - torch.eye(len(D))).abs().amax(1).mean())


def test_directions_at_right_angles():
    D = at_right_angles(12, 20, seed=3)
    torch.testing.assert_close(D @ D.T, torch.eye(12), atol=1e-5, rtol=0)
    with pytest.raises(UserError, match="right angles"):
        at_right_angles(21, 20, seed=3)


def test_dimensionality_by_hand():
    pair = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0]])
    torch.testing.assert_close(dimensionality(pair), torch.tensor([0.5, 0.5, 1.0]))
    torch.testing.assert_close(dimensionality(polygon(5)), torch.full((5,), 0.4))


def test_a_small_model_puts_rare_features_in_a_pentagon():
    there = elhage(steps=3000)
    assert there.n_features == 5
    assert isinstance(there, Planted)
    W = there.directions * there.firing.sizes.b[:, None]
    torch.testing.assert_close(dimensionality(W), torch.full((5,), 0.4), atol=0.03, rtol=0)
    often = elhage(steps=3000, chance=1.0, importance=0.5)
    assert often.n_features == 2


def test_a_world_that_is_not_there():
    with pytest.raises(UserError, match="there is no world `flatt`; there are toy"):
        world("flatt")
    with pytest.raises(UserError, match="has no setting `with`; it has n_features"):
        world("flat", **{"with": 3})
    with pytest.raises(UserError, match="directions for 3 features"):
        Planted(at_random(4, 5, seed=0), world("plane", n_features=3).firing)
