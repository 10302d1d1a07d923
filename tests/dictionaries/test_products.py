"""The sparse products equal dense autograd, whichever path they take."""

import pytest
import torch

from tests.dictionaries.made import D, M, N, make
from unmix.dictionaries import kernels, products
from unmix.dictionaries.code import Code, Support, join
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import KINDS, Sparsity


def dense_reference(d: Dictionary, x: torch.Tensor) -> torch.Tensor:
    """Rebuild `x` with plain dense operations, each sparsity written out in full."""
    pre = (x - d.b_pre) @ d.W_enc.T + d.b_enc
    s = d.sparsity
    match s.kind:
        case "relu":
            acts = pre.relu()
        case "topk":
            acts = pre.relu() * (pre >= pre.topk(3).values[:, -1:])
        case "abs-topk":
            acts = pre * (pre.abs() >= pre.abs().topk(3).values[:, -1:])
        case "batch-topk":
            cut = pre.flatten().topk(round(2.5 * len(x))).values[-1]
            acts = pre.relu() * (pre >= cut)
        case "jumprelu":
            acts = pre * (pre > s.log_threshold.exp())
        case "gated":
            acts = (pre > 0) * (s.r_mag.exp() * pre + s.b_mag).relu()
        case other:
            raise AssertionError(other)
    out = acts @ d.W_dec + d.b_dec
    return out if d.W_skip is None else out + x @ d.W_skip.T


@pytest.fixture(params=["sparse", "dense"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take one of the two ways through the products."""
    monkeypatch.setattr(kernels, "DENSE", 2.0 if request.param == "sparse" else -1.0)
    return request.param


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [{}, {"d_out": 5}, {"d_out": 5, "skip": True}], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_equals_dense_autograd(kind: str, more: dict[str, object], dtype: torch.dtype, path: str):
    dictionary, other = make(kind, **more).to(dtype), make(kind, **more)
    x = torch.randn(N, D, generator=torch.Generator().manual_seed(2)).double()
    target = torch.randn(N, dictionary.d_out).double()
    got, expected = dictionary(x.to(dtype)), dense_reference(other, x)
    close = {} if dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(got.double(), expected, **close)
    (got - target.to(dtype)).square().sum().backward()
    (expected - target).square().sum().backward()
    for (name, p), q in zip(dictionary.named_parameters(), other.parameters(), strict=True):
        if name != "sparsity.log_threshold":  # a stand-in gradient: see test_sparsity.py
            torch.testing.assert_close(
                p.grad.double(), q.grad, **close, msg=lambda m, name=name: f"{name}: {m}"
            )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_gradient_that_is_there_is_added_to(dtype: torch.dtype, path: str):
    d, other = make("topk").to(dtype), make("topk").to(dtype)
    x = torch.randn(N, D, dtype=dtype)
    before = {name: torch.randn_like(p) for name, p in d.named_parameters()}
    for name, p in d.named_parameters():
        p.grad = before[name].clone()
    kept = {name: p.grad for name, p in d.named_parameters()}
    for dictionary in (d, other):
        dead = torch.tensor([3, 40])
        rows = products.rows_of(dictionary.W_dec, dead).sum() * 2
        (dictionary(x).square().sum() + rows).backward()
    for (name, p), q in zip(d.named_parameters(), other.parameters(), strict=True):
        assert p.grad is kept[name]
        torch.testing.assert_close(p.grad, before[name] + q.grad)


def test_gradients_by_finite_differences(path: str):
    d = make("topk")
    x = torch.randn(N, D, dtype=torch.float64)
    pre, support = d.read(x)

    def run(W_enc: torch.Tensor, b_enc: torch.Tensor, b_pre: torch.Tensor, W_dec: torch.Tensor):
        dense = (x - b_pre) @ W_enc.T + b_enc
        value = dense[support.tokens, support.latents].detach()
        tied = products.entries(
            value, support, centred=x - b_pre.detach(), W_enc=W_enc, b_enc=b_enc, b_pre=b_pre
        )
        return products.sum_rows(tied, support, W_dec)

    params = tuple(p.detach().requires_grad_() for p in (d.W_enc, d.b_enc, d.b_pre, d.W_dec))
    assert torch.autograd.gradcheck(run, params)
    assert len(pre) == 3 * N


def test_empty_rows_and_empty_codes(path: str):
    support = Support(torch.tensor([4, 4, 1]), torch.tensor([0, 0, 2, 2, 3]), M)
    values = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    W = torch.randn(M, D, dtype=torch.float64, requires_grad=True)
    if path == "sparse":  # one latent twice in one row adds up only where nothing is spread
        out = products.sum_rows(values, support, W)
        torch.testing.assert_close(out[1], 3 * W[4])
        assert (out[[0, 2]] == 0).all()
    none = Support(torch.zeros(0, dtype=torch.int64), torch.zeros(4, dtype=torch.int64), M)
    empty = products.sum_rows(torch.zeros(0, dtype=torch.float64, requires_grad=True), none, W)
    empty.sum().backward()
    assert empty.shape == (3, D)
    assert (W.grad == 0).all()


def test_k_equals_m_and_k_one():
    x = torch.randn(N, D, dtype=torch.float64)
    for k in (1, M):
        d = make("topk")
        d.sparsity.k = k  # ty: ignore
        pre = (x - d.b_pre) @ d.W_enc.T + d.b_enc
        expected = pre.relu() * (pre >= pre.topk(k).values[:, -1:])
        torch.testing.assert_close(d.encode(x).dense(), expected)


def test_slabs_do_not_change_a_code(monkeypatch: pytest.MonkeyPatch):
    from unmix.dictionaries.kernels import plain as module

    d = make("jumprelu").eval()
    x = torch.randn(N, D, dtype=torch.float64)
    whole = d.encode(x)
    monkeypatch.setattr(module, "SLAB", 4 * M)
    parts = d.encode(x)
    torch.testing.assert_close(whole.dense(), parts.dense())
    assert torch.equal(whole.offsets, parts.offsets)


def test_code_counts_by_hand():
    support = Support(torch.tensor([0, 2, 2]), torch.tensor([0, 2, 2, 3]), 4)
    code = Code(torch.tensor([1.0, 0.0, -3.0]), support)
    assert code.tokens.tolist() == [0, 0, 2]
    assert code.l0().tolist() == [1, 0, 1]
    assert code.counts().tolist() == [1, 0, 1, 0]
    assert code.dense().tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, -3, 0]]
    assert code.fired().latents.tolist() == [0, 2]
    twice = join([code, code])
    assert torch.equal(twice.dense(), torch.cat([code.dense(), code.dense()]))


def test_every_kind_is_final_and_named():
    for kind, cls in KINDS.items():
        assert cls.kind == kind
        assert cls.__mro__[1] is Sparsity
