"""The compiled kernels equal plain torch in float64, at every awkward shape."""

import pytest
import torch
from torch import Tensor

from unmix.dictionaries.kernels import cpu, of, plain, screen

SHAPES = [(1, 1, 1), (5, 3, 7), (33, 17, 130), (64, 40, 1000), (300, 33, 515)]


def drawn(n: int, d: int, m: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, rows and biases with one dimension far larger than the rest."""
    draw = torch.Generator().manual_seed(seed)
    x, W = torch.randn(n, d, generator=draw), torch.randn(m, d, generator=draw)
    x[:, 0] *= 70
    return x, W, torch.randn(m, generator=draw) * 0.3


def scores64(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return x.double() @ W.double().T + b.double()


def matrix(found: tuple[Tensor, Tensor, Tensor], m: int) -> Tensor:
    """Write entries into a float64 matrix, NaN where there is none."""
    pre, latents, offsets = found
    out = torch.full((len(offsets) - 1, m), torch.nan, dtype=torch.float64)
    out[plain.tokens_of(offsets, len(latents)), latents] = pre.double()
    return out


@pytest.fixture(params=["exact", "screened"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take one of the two ways to a selection, whatever this CPU is best at."""
    monkeypatch.setattr(screen, "multiplies_int8", lambda: request.param == "screened")
    monkeypatch.setattr(screen, "FEWEST", 1)
    monkeypatch.setattr(cpu, "SCREEN", 2.0)
    return request.param


def test_float32_on_a_cpu_takes_the_compiled_kernels():
    assert of(torch.zeros(1)) is cpu
    assert of(torch.zeros(1, dtype=torch.float64)) is plain


@pytest.mark.parametrize("by_size", [False, True])
@pytest.mark.parametrize("k", [1, 2, 32, "all"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_largest(shape: tuple[int, int, int], k: int | str, by_size: bool, way: str):
    n, d, m = shape
    k = m if k == "all" else min(int(k), m)
    x, W, b = drawn(n, d, m)
    exact = scores64(x, W, b)
    got = matrix(cpu.largest(x, W, b, k, by_size), m)
    kept = ~got.isnan()
    assert (kept.sum(1) == k).all()
    torch.testing.assert_close(got[kept], exact[kept], rtol=1e-5, atol=1e-4)
    size = exact.abs() if by_size else exact
    kth = size.topk(k).values[:, -1:]
    assert (size[kept] >= (kth - 1e-4).expand_as(size)[kept]).all()
    assert kept[size > kth + 1e-4].all()


def test_largest_where_nothing_can_be_proved(way: str):
    x, W, b = drawn(40, 9, 600)
    W[:] = W[0]  # every latent scores the same: more candidates than there is room for
    b[:] = 0
    x[7] = torch.nan
    pre, latents, offsets = cpu.largest(x, W, b, 3, False)
    assert offsets.tolist() == list(range(0, 121, 3))
    assert all(len(set(row.tolist())) == 3 for row in latents.view(40, 3))
    finite = torch.arange(40) != 7
    expected = (x.double() @ W[0].double())[finite]
    torch.testing.assert_close(pre.view(40, 3)[finite, 0].double(), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("level", [-1e9, 0.0, 2.0, 1e9])
def test_above(shape: tuple[int, int, int], level: float, way: str):
    n, d, m = shape
    x, W, b = drawn(n, d, m)
    low = level + torch.rand(m, generator=torch.Generator().manual_seed(1))
    exact = scores64(x, W, b)
    got = matrix(cpu._above(x, W, b, low, expected=0.0), m)
    kept = ~got.isnan()
    torch.testing.assert_close(got[kept], exact[kept], rtol=1e-5, atol=1e-4)
    sure = (exact - low).abs() > 1e-4
    assert torch.equal(kept[sure], (exact > low)[sure])
    dense = matrix(cpu.above(x, W, b, low), m)
    assert torch.equal(~dense.isnan(), kept)


@pytest.mark.parametrize("count", [0, 1, 40, 900, 10**6])
def test_largest_of_batch(count: int, way: str):
    x, W, b = drawn(60, 12, 500)
    x[:20] *= 3  # the rows a guess is made from are unlike the rest
    found = cpu.largest_of_batch(x, W, b, count)
    positive = scores64(x, W, b).flatten().clamp(min=0).sort(descending=True).values
    positive = positive[positive > 0][:count]
    got = found[0].double().sort(descending=True).values
    torch.testing.assert_close(got, positive, rtol=1e-5, atol=1e-4)
    assert found[2][-1] == len(got)


def test_the_bound_of_the_estimates_holds(way: str):
    for seed in range(5):
        x, W, _ = drawn(50, 576, 300, seed)
        W *= torch.logspace(-3, 3, 300)[:, None]
        for part in screen.scores(x, W, screened=True):
            rows = x[part.begin : part.begin + len(part.s)]
            estimates = part.s.double() * part.step[:, None] * part.steps
            gap = (estimates - rows.double() @ W.double().T).abs()
            bound = part.reach[:, None] * part.norms + part.blur[:, None] * part.steps
            if part.exact:
                bound = 1e-5 * rows.norm(dim=1)[:, None] * W.norm(dim=1)
            assert (gap <= bound).all()


@pytest.mark.parametrize("lengths", [[0], [3, 0, 7, 1], [0, 0, 20], list(range(12))], ids=str)
@pytest.mark.parametrize("ends", [[50], [5, 20, 50], [49, 50]], ids=str)
def test_products(lengths: list[int], ends: list[int]):
    m, o, n = 50, 19, len(lengths)
    draw = torch.Generator().manual_seed(2)
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    latents = torch.cat([torch.randperm(m, generator=draw)[:c] for c in lengths])
    values, W = torch.randn(len(latents), generator=draw), torch.randn(m, o, generator=draw)
    rows, base = torch.randn(n, o, generator=draw), torch.randn(n, o, generator=draw)
    tokens = plain.tokens_of(offsets, len(latents))

    def both(name: str, *arguments: object) -> tuple[object, object]:
        exact = [
            a.double() if isinstance(a, Tensor) and a.is_floating_point() else a for a in arguments
        ]
        return getattr(cpu, name)(*arguments), getattr(plain, name)(*exact)

    def same(got: Tensor, exact: Tensor) -> None:
        torch.testing.assert_close(got.to(exact), exact, rtol=1e-5, atol=1e-5)

    same(*both("sum_rows", values, latents, offsets, W))
    same(*both("dots", rows, W, latents, offsets))
    for got, exact in zip(*both("count", values.relu(), latents, offsets, m), strict=True):
        assert torch.equal(got, exact)
    order, starts = cpu.sort_by_latent(latents, m)
    assert torch.equal(order, latents.argsort(stable=True))
    assert torch.equal(starts.diff(), torch.bincount(latents, minlength=m))
    grown = torch.ones(m, o)
    cpu.add_by_latent(values, tokens, order, starts, rows, grown)
    expected = torch.ones(m, o).index_add_(0, latents, values[:, None] * rows[tokens])
    same(grown, expected)
    weights = [0.25] * (len(ends) - 1) + [1.0]
    for given, apart in ((base, False), (base[:1], False), (base, True)):
        fitted = both("fit", values, latents, offsets, W, given, rows, ends, weights, apart)
        for got, exact in zip(*fitted, strict=True):
            same(got, exact)


@pytest.mark.parametrize("threads", [2, 3])
def test_results_do_not_depend_on_threads(threads: int, way: str):
    x, W, b = drawn(97, 30, 700)

    def everything() -> list[Tensor]:
        pre, latents, offsets = cpu.largest_of_batch(x, W, b, 900)
        errors, dvalues, losses = cpu.fit(
            pre, latents, offsets, W, b[None, :30], x, [10, 700], [1.0, 1.0]
        )
        out = torch.zeros_like(W)
        tokens = plain.tokens_of(offsets, len(pre))
        cpu.add_by_latent(pre, tokens, *cpu.sort_by_latent(latents, 700), errors[0], out)
        return [*cpu.largest(x, W, b, 5, True), pre, latents, offsets, dvalues, losses, out]

    alone = everything()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for one, many in zip(alone, everything(), strict=True):
            assert torch.equal(one, many)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("rule", ["adam", "adam8", "signum"])
def test_optimisers(rule: str, unit: bool):
    m, d = 37, 19
    draw = torch.Generator().manual_seed(4)
    W = torch.nn.functional.normalize(torch.randn(m, d, generator=draw), dim=1)
    states = {
        "adam": [torch.zeros(m, d), torch.zeros(m, d)],
        "adam8": [
            torch.zeros(m, d, dtype=torch.int8),
            torch.zeros(m),
            torch.zeros(m, d, dtype=torch.uint8),
            torch.zeros(m),
        ],
        "signum": [torch.zeros(m, d)],
    }
    mine, other = [[W.clone(), *(s.clone() for s in states[rule])] for _ in range(2)]
    shared: dict[str, object] = {"lr": 0.01, "scale": torch.tensor(0.7), "unit": unit}
    for step in range(1, 6):
        gradient = torch.randn(m, d, generator=draw)
        gradient[3] = 0
        more = {"beta": 0.9} if rule == "signum" else {"betas": (0.9, 0.99), "eps": 1e-8}
        if rule != "signum":
            more["step"] = step
        squares = cpu.squares(mine[0], gradient, unit)
        torch.testing.assert_close(squares, plain.squares(other[0], gradient, unit))
        for kernels, (weights, *state) in ((cpu, mine), (plain, other)):
            given = gradient.clone()
            getattr(kernels, rule)(weights, given, *state, **shared, **more)
            assert (given == 0).all()
        torch.testing.assert_close(mine[0], other[0], rtol=1e-4, atol=1e-5)
        for a, b in zip(mine[1:], other[1:], strict=True):
            off = 1 if rule == "adam8" else 1e-5  # one step of 8 bits
            torch.testing.assert_close(a.float(), b.float(), rtol=1e-4, atol=off)
