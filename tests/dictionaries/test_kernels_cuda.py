"""The Triton kernels, run on a CPU by Triton's interpreter, equal float64 at awkward shapes."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.dictionaries.made import make
from tests.dictionaries.test_kernels_cpu import drawn, matrix, scores64
from unmix.dictionaries import kernels
from unmix.dictionaries.kernels import cuda, encode_cuda, launch_cuda, plain, screen_cuda
from unmix.training.objectives import look_at

SHAPES = [(1, 1, 1), (4, 17, 33), (2, 40, 130)]


@pytest.fixture(params=["whole", "cut"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take everything at once, or in slabs, chunks, pieces and blocks too small for it."""
    monkeypatch.setattr(encode_cuda, "SCREEN", 2.0)
    monkeypatch.setattr(encode_cuda, "DENSE", 2.0)
    if request.param == "cut":
        monkeypatch.setattr(screen_cuda, "SLAB", 64)
        monkeypatch.setattr(screen_cuda, "TOKENS", 3)
        monkeypatch.setattr(encode_cuda, "LANES", 16)
        monkeypatch.setattr(encode_cuda, "ROOM", 1)
        monkeypatch.setattr(encode_cuda, "SPARE", 1)
        monkeypatch.setattr(launch_cuda, "COLUMNS", 16)
        monkeypatch.setattr(cuda, "COLUMNS", 16)
        monkeypatch.setattr(cuda, "PIECE", 4)
    return request.param


@pytest.mark.parametrize(
    ("triton", "capability", "name"),
    [(True, (9, 0), "cuda"), (True, (7, 5), "plain"), (False, (9, 0), "plain")],
    ids=str,
)
def test_a_gpu_takes_them_if_it_can(
    triton: bool, capability: tuple[int, int], name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kernels, "find_spec", lambda _: triton or None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    kernels._runs_triton.cache_clear()
    with FakeTensorMode():
        x = torch.empty(1, device="cuda")
        assert kernels.of(x) is {"cuda": cuda, "plain": plain}[name]
        assert kernels.of(x.double()) is plain
        assert kernels.of(x.to(torch.int64)) is kernels.of(x)
    kernels._runs_triton.cache_clear()


def test_offers_what_plain_torch_does():
    for name in cuda.__all__:
        mine, other = (inspect.signature(getattr(k, name)) for k in (cuda, plain))
        assert list(mine.parameters) == list(other.parameters), name
    offered = [n for n in cuda.__all__ if f"    {n}(" in str(kernels.__doc__)]
    assert len(offered) >= len(cuda.__all__) - 2  # two share the line of `adam`


@pytest.mark.parametrize(
    ("shape", "k", "by_size"),
    [
        ((1, 1, 1), 1, False),
        ((4, 17, 33), 1, True),
        ((2, 5, 33), 33, True),
        ((2, 40, 130), 1, False),
        ((2, 40, 130), 7, False),
        ((3, 40, 80), 7, True),
    ],
    ids=str,
)
def test_largest(shape: tuple[int, int, int], k: int, by_size: bool, way: str):
    n, d, m = shape
    x, W, b = drawn(n, d, m)
    exact = scores64(x, W, b)
    got = matrix(cuda.largest(x, W, b, k, by_size), m)
    kept = ~got.isnan()
    assert (kept.sum(1) == k).all()
    torch.testing.assert_close(got[kept], exact[kept], rtol=1e-5, atol=1e-4)
    size = exact.abs() if by_size else exact
    kth = size.topk(k).values[:, -1:]
    assert (size[kept] >= (kth - 1e-4).expand_as(size)[kept]).all()
    assert kept[size > kth + 1e-4].all()


def test_candidates_that_outgrow_their_room_are_thinned_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(screen_cuda, "SLAB", 32)
    monkeypatch.setattr(encode_cuda, "LANES", 16)
    monkeypatch.setattr(encode_cuda, "SPARE", 3)
    x, W, b = drawn(2, 12, 250)
    W *= torch.linspace(0.1, 2, 250)[:, None]  # later latents push out the earlier ones
    pre, _, _ = cuda.largest(x, W, b, 4, False)
    best = scores64(x, W, b).topk(4).values
    got = pre.view(2, 4).double().sort(descending=True).values
    torch.testing.assert_close(got, best, rtol=1e-5, atol=1e-4)


def test_keeping_a_large_share_takes_plain_torch():
    x, W, b = drawn(4, 3, 20)
    for got, expected in zip(
        cuda.largest(x, W, b, 20, False), plain.largest(x, W, b, 20, False), strict=True
    ):
        assert torch.equal(got, expected)


def test_largest_where_nothing_can_be_proved(way: str):
    x, W, b = drawn(3, 9, 50)
    W[:] = W[0]  # every latent scores the same: all are candidates
    b[:] = 0
    x[2] = torch.nan
    pre, latents, offsets = cuda.largest(x, W, b, 3, False)
    assert offsets.tolist() == [0, 3, 6, 9]
    assert all(len(set(row.tolist())) == 3 for row in latents.view(3, 3))
    finite = torch.arange(3) != 2
    expected = (x.double() @ W[0].double())[finite]
    torch.testing.assert_close(pre.view(3, 3)[finite, 0].double(), expected, rtol=1e-5, atol=1e-4)
    assert pre.view(3, 3)[2].isnan().all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("level", [-1e9, 0.0, 2.0, 1e9])
def test_above(shape: tuple[int, int, int], level: float, way: str):
    n, d, m = shape
    x, W, b = drawn(n, d, m)
    low = level + torch.rand(m, generator=torch.Generator().manual_seed(1))
    exact = scores64(x, W, b)
    found = cuda.above(x, W, b, low)
    got = matrix(found, m)
    kept = ~got.isnan()
    assert found[2][-1] == len(found[0]) == kept.sum()
    torch.testing.assert_close(got[kept], exact[kept], rtol=1e-5, atol=1e-4)
    sure = (exact - low).abs() > 1e-4
    assert torch.equal(kept[sure], (exact > low)[sure])


@pytest.mark.parametrize("count", [0, 1, 40, 10**6])
def test_largest_of_batch(count: int, way: str):
    x, W, b = drawn(7, 12, 90)
    x[:2] *= 3  # the rows a guess is made from are unlike the rest
    found = cuda.largest_of_batch(x, W, b, count)
    positive = scores64(x, W, b).flatten().clamp(min=0).sort(descending=True).values
    positive = positive[positive > 0][:count]
    got = found[0].double().sort(descending=True).values
    torch.testing.assert_close(got, positive, rtol=1e-5, atol=1e-4)
    assert found[2][-1] == len(got)


def test_no_tokens_at_all():
    x, W, b = drawn(1, 5, 60)
    for found in (
        cuda.largest(x[:0], W, b, 2, False),
        cuda.above(x[:0], W, b, b),
        cuda.largest_of_batch(x[:0], W, b, 3),
    ):
        assert [len(t) for t in found] == [0, 0, 1]


def test_the_bound_of_the_estimates_holds():
    for seed in range(2):
        x, W, _ = drawn(9, 576, 30, seed)
        W *= torch.logspace(-3, 3, 30)[:, None]
        given = screen_cuda.rounded(x, W)
        for s, first in screen_cuda.slabs(given.x, given.W, 32):
            gap = (s.double() - x.double() @ W.double().T[:, first : first + s.shape[1]]).abs()
            bound = given.slack[:, None] * given.norms + 2**-9 * 1.01 * s.double().abs()
            assert (gap <= bound).all()
    assert (screen_cuda.rounded(x * 0, W).slack == 0).all()


@pytest.mark.parametrize("lengths", [[0], [3, 0, 7, 1], [0, 0, 20]], ids=str)
@pytest.mark.parametrize("ends", [[25], [5, 20, 25]], ids=str)
def test_products(lengths: list[int], ends: list[int], way: str):
    m, o, n = 25, 19, len(lengths)
    draw = torch.Generator().manual_seed(2)
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    latents = torch.cat([torch.randperm(m, generator=draw)[:c] for c in lengths])
    values, W = torch.randn(len(latents), generator=draw), torch.randn(m, o, generator=draw)
    rows, base = torch.randn(n, o, generator=draw), torch.randn(n, o, generator=draw)

    def same(name: str, *arguments: object) -> None:
        exact = [
            a.double() if isinstance(a, Tensor) and a.is_floating_point() else a for a in arguments
        ]
        got, expected = getattr(cuda, name)(*arguments), getattr(plain, name)(*exact)
        pairs = zip(got, expected, strict=True) if isinstance(got, tuple) else [(got, expected)]
        for a, b in pairs:
            torch.testing.assert_close(a.to(b), b, rtol=1e-5, atol=1e-5)

    same("sum_rows", values, latents, offsets, W)
    same("dots", rows, W, latents, offsets)
    same("count", values.relu(), latents, offsets, m)
    same("sort_by_latent", latents, m)
    weights = [0.25] * (len(ends) - 1) + [1.0]
    same("fit", values, latents, offsets, W, base, rows, ends, weights)
    same("fit", values, latents, offsets, W, base[:1], rows, ends, weights)
    same("fit", values, latents, offsets, W, base, rows, ends, weights, True)


@pytest.mark.parametrize("lengths", [[0] * 6, [1, 0, 9, 3, 17, 0], [0, 4, 5, 0, 4, 30]], ids=str)
def test_hot_latents_are_added_up_in_pieces(lengths: list[int], way: str):
    m, o, n = len(lengths), 19, 11
    draw = torch.Generator().manual_seed(3)
    latents = torch.arange(m).repeat_interleave(torch.tensor(lengths))
    latents = latents[torch.randperm(len(latents), generator=draw)]
    values, rows = torch.randn(len(latents), generator=draw), torch.randn(n, o, generator=draw)
    tokens = torch.randint(n, (len(latents),), generator=draw)
    order, offsets = cuda.sort_by_latent(latents, m)
    out = torch.ones(m, o)
    cuda.add_by_latent(values, tokens, order, offsets, rows, out)
    exact = torch.ones(m, o).double()
    exact.index_add_(0, latents, (values[:, None] * rows[tokens]).double())
    torch.testing.assert_close(out.double(), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("captured", [False, True])
@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("rule", ["adam", "adam8", "signum"])
@pytest.mark.parametrize("shape", [(5, 19), (1, 1300)], ids=str)
def test_optimisers(shape: tuple[int, int], rule: str, unit: bool, captured: bool):
    draw = torch.Generator().manual_seed(4)
    W = torch.nn.functional.normalize(torch.randn(*shape, generator=draw), dim=1)
    states: dict[str, list[Tensor]] = {
        "adam": [torch.zeros(shape), torch.zeros(shape)],
        "adam8": [
            torch.zeros(shape, dtype=torch.int8),
            torch.zeros(shape[0]),
            torch.zeros(shape, dtype=torch.uint8),
            torch.zeros(shape[0]),
        ],
        "signum": [torch.zeros(shape)],
    }
    mine, other = [[W.clone(), *(s.clone() for s in states[rule])] for _ in range(2)]
    shared: dict[str, object] = {"scale": torch.tensor(0.7), "unit": unit}
    shared |= {"beta": 0.9} if rule == "signum" else {"betas": (0.9, 0.99), "eps": 1e-8}
    for step in range(1, 4):
        gradient = torch.randn(shape, generator=draw)
        gradient[3:4] = 0
        squares = cuda.squares(mine[0], gradient, unit)
        torch.testing.assert_close(squares, plain.squares(other[0], gradient, unit))
        for module, (weights, *state) in ((cuda, mine), (plain, other)):
            timed: dict[str, object] = {"lr": 0.01} | ({} if rule == "signum" else {"step": step})
            if captured and module is cuda:
                timed = {name: torch.tensor(value) for name, value in timed.items()}
            given = gradient.clone()
            getattr(module, rule)(weights, given, *state, **shared, **timed)
            assert (given == 0).all()
        torch.testing.assert_close(mine[0], other[0], rtol=1e-4, atol=1e-5)
        for a, b in zip(mine[1:], other[1:], strict=True):
            off = 1 if rule == "adam8" else 1e-5  # one step of 8 bits
            torch.testing.assert_close(a.float(), b.float(), rtol=1e-4, atol=off)


@pytest.mark.parametrize(
    ("kind", "prefixes"),
    [("topk", ()), ("abs-topk", (4, 20)), ("batch-topk", ()), ("jumprelu", (4, 20))],
    ids=str,
)
def test_gradients_equal_dense_autograd(
    kind: str, prefixes: tuple[int, ...], way: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("unmix.dictionaries.kernels.DENSE", 2.0)
    exact, mine = make(kind), make(kind).float()
    x = torch.randn(3, exact.W_enc.shape[1], generator=torch.Generator().manual_seed(5)).double()
    look = look_at(exact, x, x, prefixes=prefixes)
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "of", lambda _: cuda)
        got = look_at(mine, x.float(), x.float(), prefixes=prefixes)
        got.reconstruction.backward()
    torch.testing.assert_close(got.code.dense().double(), look.code.dense(), rtol=1e-4, atol=1e-4)
    dense = exact.sparsity.acts(
        ((x - exact.b_pre) @ exact.W_enc.T + exact.b_enc)[look.code.tokens, look.code.latents],
        look.code.latents,
    )
    acts = torch.zeros(3, exact.n_latents).double()
    acts = acts.index_put((look.code.tokens, look.code.latents), dense)
    ends = [*prefixes, exact.n_latents]
    loss = sum(
        (x - exact.base(x) - acts[:, :end] @ exact.W_dec[:end]).square().sum() for end in ends
    )
    (loss / len(ends) / len(x)).backward()
    torch.testing.assert_close(
        got.reconstruction.double(), loss / len(ends) / len(x), rtol=1e-5, atol=1e-5
    )
    for (name, p), q in zip(mine.named_parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(
            p.grad.double(), q.grad, rtol=1e-3, atol=1e-4, msg=lambda m, name=name: f"{name}: {m}"
        )


def test_every_kernel_compiles_for_a_gpu(tmp_path: Path):
    there = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    there |= {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(Path(__file__).with_name("compile_cuda.py"))]
    done = subprocess.run(command, env=there, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) >= 13
