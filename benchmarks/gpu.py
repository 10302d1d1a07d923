"""What one training step costs on a GPU, in products of its own shape in bfloat16.

    python benchmarks/gpu.py [--shapes A B] [--kind topk] [--json]
    python benchmarks/gpu.py --check      only compare with float64; without a GPU, interpreted

`U` is the encoder's product `[n, d] [d, m]` in bfloat16, timed in the same rounds.  A step is all
of `Learner.step`, on weights in float32 and with an exact selection.  Beside it: the same by dense
autograd in bfloat16 with fused Adam, and sparsify's kernels where that is installed.  Utilisation
is the floating-point operations that a step needs, `2 n d m + 8 n k d`, over what the product
would do in the same time.  Nothing is timed before the results equal those in float64.

Not one number of this has been measured yet: it has run interpreted only (`--check`).
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported

from activations import superposed
from timing import Row, interleave, ratio, row, show

from unmix.dictionaries import kernels
from unmix.dictionaries.code import Code, Support
from unmix.dictionaries.kernels import plain
from unmix.dictionaries.scaling import identity
from unmix.training.config import DictionaryConfig
from unmix.training.learner import Learner, Length
from unmix.training.objectives import look_at

ENOUGH = 1e-4
"""Largest error that float32 may make, over the largest number."""


class Shape(NamedTuple):
    """Tokens, width, latents, latents a token."""

    n: int
    d: int
    m: int
    k: int


SHAPES = {
    "A": Shape(4096, 768, 24576, 32),  # GPT-2
    "B": Shape(4096, 2304, 65536, 64),  # Gemma 2 2B
    "C": Shape(8192, 4096, 131072, 64),  # Llama 8B
    "D": Shape(65536, 4096, 131072, 32),  # the same, sparsify's default batch
    "E": Shape(16384, 4096, 2**20, 64),  # a million latents
}


def main() -> None:
    """Compare with float64, then time the shapes that were asked for."""
    options = parsed()
    there = torch.cuda.is_available()
    if not (there or options.check):
        raise SystemExit("there is no CUDA device here; `--check` compares results without one")
    shape = Shape(257, 770, 5003, 32) if there else Shape(3, 40, 130, 4)
    show(compared(shape, "cuda" if there else "cpu"), as_json=options.json)
    for name in () if options.check else options.shapes:
        show(timed(name, SHAPES[name], options), as_json=options.json)


def compared(shape: Shape, device: str) -> list[Row]:
    """Return how far results are from float64, over the largest number; refuse what is too far."""
    from unmix.dictionaries.kernels import cuda

    if device == "cpu":
        kernels.of = lambda _: cuda
    x = superposed(shape.n, shape.d, features=64).to(device)
    learner = new_learner("topk", shape, device)
    gaps = selections(learner, x, shape.k) | gradients(learner, x)
    rows = [row(f"error of {name}", [gap], "") for name, gap in gaps.items()]
    wrong = [name for name, gap in gaps.items() if not gap < ENOUGH]
    if wrong:
        show(rows, as_json=False)
        raise SystemExit(f"these are not what float64 gives: {', '.join(wrong)}")
    return rows


@torch.no_grad()
def selections(learner: Learner, x: Tensor, k: int) -> dict[str, float]:
    """Return how far the entries of each way to select are from those found in float64."""
    d = learner.dictionary
    W, b, kernel = d.W_enc.detach(), d.b_enc.detach(), kernels.of(x)
    exact = x.double() @ W.double().T + b.double()
    low = exact.flatten().topk(k * len(x)).values[-1]
    sized = exact.abs()
    with waiting_for_nothing():
        found = {
            "largest": kernel.largest(x, W, b, k, False),
            "largest by size": kernel.largest(x, W, b, k, True),
        }
    found["above"] = kernel.above(x, W, b, low.float().expand_as(b).contiguous())
    found["largest of the batch"] = kernel.largest_of_batch(x, W, b, k * len(x))
    kept = {
        "largest": exact >= exact.topk(k).values[:, -1:],
        "largest by size": sized >= sized.topk(k).values[:, -1:],
        "above": exact > low.float(),
        "largest of the batch": exact >= low,
    }
    dense = {n: Code(f[0], Support(f[1], f[2], len(W))).dense() for n, f in found.items()}
    return {name: apart(dense[name], exact * kept[name]) for name in found}


def gradients(learner: Learner, x: Tensor) -> dict[str, float]:
    """Return how far a step's gradients and what it makes of the weights are from float64's."""
    d = learner.dictionary
    with waiting_for_nothing():
        look = look_at(d, x, x)
        look.reconstruction.backward()
    weights = {name: p.detach().double().requires_grad_() for name, p in d.named_parameters()}
    x = x.double()
    pre = (x - weights["b_pre"]) @ weights["W_enc"].T + weights["b_enc"]
    acts = pre.relu() * (look.code.dense() != 0)
    out = acts @ weights["W_dec"] + weights["b_dec" if "b_dec" in weights else "b_pre"]
    ((x - out).square().sum() / len(x)).backward()
    gaps = {
        f"gradient of {name}": apart(p.grad, weights[name].grad)
        for name, p in d.named_parameters()
        if p.grad is not None
    }
    W, g = weights["W_dec"].detach(), weights["W_dec"].grad
    assert g is not None
    learner.optimiser.clip = None
    with waiting_for_nothing():
        learner.optimiser.step(1e-3)
    moment = [torch.zeros_like(W), torch.zeros_like(W)]
    move = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 6.25e-10, "step": 1, "unit": True}
    plain.adam(W, g, *moment, scale=torch.ones((), device=x.device), **move)
    # Adam's first step is the sign of the gradient, so it is told apart by the mean gradient.
    return gaps | {"Adam's mean": apart(learner.optimiser.moments()["mean.W_dec"], moment[0])}


def apart(got: Tensor | None, exact: Tensor | None) -> float:
    """Return the largest difference over the largest number."""
    assert got is not None
    assert exact is not None
    return float((got.double() - exact).abs().max() / exact.abs().max().clamp(min=1e-30))


@contextmanager
def waiting_for_nothing() -> Iterator[None]:
    """Raise if the host waits for the device."""
    if not torch.cuda.is_available():
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def timed(name: str, shape: Shape, options: argparse.Namespace) -> list[Row]:
    """Time the product, a step, and the others, in turns."""
    makers = {"step": partial(our_step, options.kind), "dense": dense_step, "sparsify": peer_step}
    x = superposed(min(shape.n, 16384), shape.d).cuda()
    x = x.repeat(-(-shape.n // len(x)), 1)[: shape.n]
    short, W = x.bfloat16(), torch.randn(shape.m, shape.d, device="cuda", dtype=torch.bfloat16)
    cases: dict[str, Callable[[], object]] = {"U": product(short, W)}
    for case, make in makers.items():
        try:
            step = make(shape, x)
            if step is not None:
                step()
                cases[case] = step
        except torch.OutOfMemoryError:
            print(f"{name}: no memory for {case}", file=sys.stderr)
    seconds = interleave({n: finished(c) for n, c in cases.items()}, repeat=options.repeat, warm=3)
    U, (n, d, m, k) = seconds["U"], shape
    rows = [row(f"{name} product", [2e-12 * n * d * m / s for s in U], "TFLOP/s")]
    rows += [ratio(f"{name} {case}", seconds[case], U, "U") for case in cases if case != "U"]
    if "step" in cases:
        needed = (2 * n * d * m + 8 * n * k * d) / (2 * n * d * m)
        used = [100 * needed * u / s for u, s in zip(U, seconds["step"], strict=True)]
        rows.append(row(f"{name} utilisation", used, "% of the product's"))
        rows.append(row(f"{name} step", [n / s for s in seconds["step"]], "tokens/s"))
    return rows


def product(x: Tensor, W: Tensor) -> Callable[[], object]:
    """Return the product, as many tokens at a time as give 4 GiB."""
    tokens = min(len(x), 2**31 // len(W))
    out = torch.empty(tokens, len(W), device=x.device, dtype=x.dtype)
    return lambda: [torch.mm(part, W.T, out=out[: len(part)]) for part in x.split(tokens)]


def finished(call: Callable[[], object]) -> Callable[[], object]:
    """Return a call that ends when the device has done it."""

    def wait() -> None:
        call()
        torch.cuda.synchronize()

    return wait


def new_learner(kind: str, shape: Shape, device: str) -> Learner:
    """Return a dictionary that is about to learn."""
    config = DictionaryConfig.model_validate({"kind": kind, "latents": shape.m, "k": shape.k})
    length = Length(10**6, shape.n, 0.05, 0.2)
    return Learner(config, identity(shape.d), target=None, length=length, device=device)


def our_step(kind: str, shape: Shape, x: Tensor) -> Callable[[], object]:
    """Return one step of a learner."""
    learner = new_learner(kind, shape, "cuda")
    return lambda: learner.step(x, x, 1)


def dense_step(shape: Shape, x: Tensor) -> Callable[[], object]:
    """Return one step by dense autograd."""
    W = [torch.randn(shape.m, shape.d, device="cuda").requires_grad_() for _ in range(2)]
    b = torch.zeros(shape.m, device="cuda").requires_grad_()
    adam = torch.optim.Adam([*W, b], fused=True)

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            pre = x @ W[0].T + b
            top = pre.topk(shape.k, sorted=False)
            acts = torch.zeros_like(pre).scatter(-1, top.indices, top.values.relu())
            loss = (x - acts @ W[1]).square().sum() / len(x)
        loss.backward()
        finish_dense(adam, W[1])

    return step


@torch.no_grad()
def finish_dense(adam: torch.optim.Adam, directions: Tensor) -> None:
    """Project, clip, step and renormalise, in passes of their own."""
    g = directions.grad
    assert g is not None
    g.sub_((g * directions).sum(1, keepdim=True) * directions)
    torch.nn.utils.clip_grad_norm_(adam.param_groups[0]["params"], 1.0)
    adam.step()
    adam.zero_grad()
    directions.div_(directions.norm(dim=1, keepdim=True))


def peer_step(shape: Shape, x: Tensor) -> Callable[[], object] | None:
    """Return one step with sparsify's kernels, or nothing where it is not installed."""
    try:
        from sparsify import SparseCoder, SparseCoderConfig
    except ImportError:
        return None
    settings = SparseCoderConfig(num_latents=shape.m, k=shape.k)
    coder = SparseCoder(shape.d, settings, device="cuda", dtype=torch.float32)
    adam = torch.optim.Adam(coder.parameters(), fused=True)

    def step() -> None:
        coder(x).fvu.backward()
        torch.nn.utils.clip_grad_norm_(coder.parameters(), 1.0)
        coder.remove_gradient_parallel_to_decoder_directions()
        adam.step()
        adam.zero_grad()
        coder.set_decoder_norm_to_unit_norm()

    return step


def parsed() -> argparse.Namespace:
    """Read the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=SHAPES)
    parser.add_argument("--kind", default="topk", choices=["topk", "batch-topk", "abs-topk"])
    parser.add_argument("--repeat", type=int, default=9, help="rounds")
    parser.add_argument("--check", action="store_true", help="compare with float64, time nothing")
    parser.add_argument("--json", action="store_true", help="a line of JSON a number")
    return parser.parse_args()


if __name__ == "__main__":
    main()
