"""Features are on as often, together and apart, as they are told to be; two ways to draw agree."""

from dataclasses import replace

import pytest
import torch
from scipy.stats import multivariate_normal, norm
from torch import Tensor

from unmix.dictionaries.code import Code
from unmix.errors import UserError
from unmix.worlds import plain
from unmix.worlds.firing import Firing, Sizes, alone, between

N = 40_000


def drawn(firing: Firing, how: str, *, n: int = N, seed: int = 3) -> Tensor:
    code = firing.draw(n, seed) if how == "compiled" else plain.draw(firing, n, seed)
    assert isinstance(code, Code)
    return code.dense()


def near(found: Tensor, wanted: Tensor, *, n: int = N) -> None:
    """Assert that shares are within five standard errors."""
    error = (wanted * (1 - wanted) / n).sqrt().clamp_min(1 / n)
    assert bool(((found - wanted).abs() < 5 * error).all()), (found, wanted)


both_ways = pytest.mark.parametrize("how", ["compiled", "plain"])


@both_ways
def test_features_alone_are_on_as_often_as_told(how: str):
    chance = torch.cat([torch.tensor([0.0, 1.0, 0.5, 0.3]), torch.linspace(0.2, 0.001, 300)])
    acts = drawn(alone(chance, between(1.0, 2.0, 304)), how)
    near((acts > 0).float().mean(0), chance)
    on = acts[acts > 0]
    assert float(on.min()) >= 1.0
    assert float(on.max()) <= 2.0
    assert float(on.mean()) == pytest.approx(1.5, abs=0.01)
    pair = ((acts[:, 2] > 0) & (acts[:, 3] > 0)).float().mean()
    near(pair, torch.tensor(0.15))


@both_ways
def test_sizes_have_the_distribution_told(how: str):
    one = torch.ones(3)
    a = torch.tensor([0.5, 1.0, -1.0])
    acts = drawn(alone(one, Sizes("normal", a, 2 * one)), how)
    near((acts > 0).float().mean(0), torch.tensor(norm.cdf(a / 2)).float())
    shifted = drawn(alone(one, Sizes("log-normal", a, 0.5 * one)), how).log()
    torch.testing.assert_close(shifted.mean(0), a, atol=0.02, rtol=0)
    torch.testing.assert_close(shifted.std(0), 0.5 * one, atol=0.02, rtol=0)


@both_ways
def test_a_copula_keeps_how_often_and_decides_how_often_together(how: str):
    chance = torch.cat([torch.tensor([0.4, 0.1, 0.02, 0.3, 0.3]), torch.full((130,), 0.05)])
    loadings = torch.zeros(135, 5)
    loadings[:3, 0] = 0.8
    loadings[3, 1], loadings[4, 1] = 0.7, -0.7
    firing = replace(alone(chance, between(1.0, 1.0, 135)), loadings=loadings)
    on = drawn(firing, how) > 0
    near(on.float().mean(0), chance)
    for i, j, rho in ((0, 1, 0.64), (1, 2, 0.64), (3, 4, -0.49), (0, 3, 0.0)):
        low = [float(norm.ppf(chance[k])) for k in (i, j)]
        wanted = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf(low)
        near((on[:, i] & on[:, j]).float().mean(), torch.tensor(float(wanted)))


@both_ways
def test_a_copula_may_leave_nothing_of_a_features_own(how: str):
    firing = replace(
        alone(torch.tensor([0.3, 0.3, 0.7]), between(1.0, 1.0, 3)),
        loadings=torch.tensor([[1.0], [1.0], [-1.0]]),
    )
    on = drawn(firing, how) > 0
    near(on.float().mean(0), firing.chance)
    assert float((on[:, 0] == on[:, 1]).float().mean()) > 0.999
    assert float((on[:, 0] != on[:, 2]).float().mean()) > 0.999


def forest(*, exclusive: bool, scaled: bool = False) -> Firing:
    """A root with three children, the first of which has two; and one feature alone."""
    return Firing(
        chance=torch.tensor([0.5, 0.5, 0.25, 0.25, 0.2, 0.5, 0.5]),
        sizes=Sizes("normal", torch.tensor([2.0, 1, 1, 1, 1, 1, 1]), 0.2 * torch.ones(7)),
        parents=torch.tensor([-1, 0, 0, 0, -1, 1, 1]),
        exclusive=torch.full((7,), exclusive),
        scaled=scaled,
        loadings=torch.zeros(7, 0),
    )


@both_ways
def test_children_are_on_only_where_their_parent_is(how: str):
    firing = forest(exclusive=False)
    on = drawn(firing, how) > 0
    for child, parent in enumerate(firing.parents.tolist()):
        if parent >= 0:
            assert not bool((on[:, child] & ~on[:, parent]).any())
    near(on.float().mean(0), torch.tensor([0.5, 0.25, 0.125, 0.125, 0.2, 0.125, 0.125]))
    near((on[:, 2] & on[:, 3]).float().mean(), torch.tensor(0.5 / 16))


@both_ways
def test_exclusive_children_are_never_on_together_and_win_as_often(how: str):
    on = drawn(forest(exclusive=True), how) > 0
    assert int((on[:, 1:4].sum(1) > 1).sum()) == 0
    assert int((on[:, 5] & on[:, 6]).sum()) == 0
    # Of .5, .25 and .25: alone, with one rival or with two, then a half or a third of the time.
    first = 0.5 * (0.75**2 + 2 * 0.25 * 0.75 / 2 + 0.25**2 / 3)
    second = 0.25 * (0.5 * 0.75 + (0.5 * 0.75 + 0.5 * 0.25) / 2 + 0.5 * 0.25 / 3)
    parent = 0.5
    wanted = torch.tensor([parent * first, parent * second, parent * second])
    near(on[:, 1:4].float().mean(0), wanted)
    below = parent * first * (0.25 + 0.25 / 2)
    near(on[:, 5:].float().mean(0), torch.tensor([below, below]))


@both_ways
def test_a_scaled_child_goes_with_its_parent(how: str):
    acts = drawn(forest(exclusive=False, scaled=True), how)
    there = (acts[:, 0] > 0) & (acts[:, 1] > 0)
    parent, child = acts[there, 0], acts[there, 1]
    share = child * 2.0 / parent  # what is left is the child's own
    assert float(share.mean()) == pytest.approx(1.0, abs=0.01)
    assert float(share.std()) == pytest.approx(0.2, abs=0.01)
    assert abs(float(torch.corrcoef(torch.stack([share, parent]))[0, 1])) < 0.05


@both_ways
def test_exactly_so_many_are_on(how: str):
    acts = drawn(alone(torch.ones(7), between(0.5, 1.5, 7), exactly=3), how)
    assert (acts > 0).sum(1).unique().tolist() == [3]
    near((acts > 0).float().mean(0), torch.full((7,), 3 / 7))
    near(((acts[:, 0] > 0) & (acts[:, 6] > 0)).float().mean(), torch.tensor(3 / 7 * 2 / 6))


def test_a_draw_is_a_function_of_its_seed_whatever_the_threads():
    firing = replace(
        alone(torch.full((200,), 0.05), between(0.5, 1.5, 200)),
        loadings=0.1 * torch.randn(200, 3, generator=torch.Generator().manual_seed(0)),
    )
    one = firing.draw(1000, 7)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    three = firing.draw(1000, 7)
    torch.set_num_threads(threads)
    assert torch.equal(one.dense(), three.dense())
    assert not torch.equal(one.dense(), firing.draw(1000, 8).dense())
    assert torch.equal(plain.draw(firing, 50, 7).dense(), plain.draw(firing, 50, 7).dense())


def test_a_code_is_drawn_token_by_token():
    code = alone(torch.full((50,), 0.1), between(1.0, 1.0, 50)).draw(300, 0)
    assert code.offsets[0] == 0
    assert int(code.offsets[-1]) == len(code.values) == len(code.latents)
    assert code.l0().sum() == len(code.values)
    for t in range(300):
        row = code.latents[code.offsets[t] : code.offsets[t + 1]]
        assert len(row.unique()) == len(row)


def test_more_features_than_there_are_cannot_be_on():
    with pytest.raises(UserError, match="cannot be on"):
        alone(torch.ones(3), between(1.0, 1.0, 3), exactly=4)
