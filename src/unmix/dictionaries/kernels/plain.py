"""Sparse codes in plain torch: any device, any precision.

What the compiled kernels are tested against, and what runs where there are none.

Axes: n tokens, m latents, d width, o output width, e entries, p prefixes, ends: row boundaries.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Int8, UInt8
from torch import Tensor

from unmix.dictionaries.kernels.scratch import scratch

SLAB = 2**24
"""Pre-activations held at once (64 MiB in float32)."""

Found = tuple[Float[Tensor, " e"], Int[Tensor, " e"], Int[Tensor, " ends"]]
"""Pre-activations and latents of the entries, and where each row begins."""


def largest(
    x: Float[Tensor, "n d"], W: Float[Tensor, "m d"], b: Float[Tensor, " m"], k: int, by_size: bool
) -> Found:
    """Return the `k` largest of each row."""
    pre, latents = [], []
    for slab in slabs(x, W):
        scores = dense(slab, W, b)
        picked = (scores.abs() if by_size else scores).topk(k, dim=-1, sorted=False).indices
        pre.append(scores.gather(-1, picked).flatten())
        latents.append(picked.flatten())
    offsets = torch.arange(0, len(x) * k + 1, k, device=x.device)
    return _joined(pre, x), _joined(latents, offsets), offsets


def above(
    x: Float[Tensor, "n d"],
    W: Float[Tensor, "m d"],
    b: Float[Tensor, " m"],
    low: Float[Tensor, " m"],
) -> Found:
    """Return all that exceed the `low` of their latent."""
    return _stack([_marked(p := dense(s, W, b), p > low) for s in slabs(x, W)], x)


def largest_of_batch(
    x: Float[Tensor, "n d"], W: Float[Tensor, "m d"], b: Float[Tensor, " m"], count: int
) -> Found:
    """Return the `count` largest positive ones, exactly.

    A first cut, guessed from a few rows to let half as many again through, leaves a short list in
    which the exact one is found; a guess that proves too high is lowered until it is not.
    """
    count = min(count, len(x) * len(W))
    if len(x) == 0:
        return above(x, W, b, b)
    guess = first_cut(dense(x[: max(1, len(x) // 64)], W, b), count / max(1, len(x)))
    found = above(x, W, b, guess.expand_as(b))
    while len(found[0]) < count and guess > 0:
        guess = guess / 2 if 1e-6 < guess < torch.inf else torch.zeros_like(guess)
        found = above(x, W, b, guess.expand_as(b))
    pre, latents, offsets = found
    if len(pre) <= count or count == 0:
        keep = torch.full_like(pre, count > 0, dtype=torch.bool)
    else:
        keep = pre >= pre.topk(count, sorted=False).values.min()
    before = torch.cat([offsets.new_zeros(1), keep.cumsum(0)])
    return pre[keep], latents[keep], before[offsets]


def sort_by_latent(
    latents: Int[Tensor, " e"], m: int
) -> tuple[Int[Tensor, " e"], Int[Tensor, " ends"]]:
    """Return the order that sorts entries by latent, and where each latent begins in it."""
    counts = torch.bincount(latents, minlength=m)
    return latents.argsort(stable=True), torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def sum_rows(
    values: Float[Tensor, " e"],
    latents: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
    W: Float[Tensor, "m o"],
) -> Float[Tensor, "n o"]:
    """Return the weighted sum of the rows that each bag names."""
    if len(latents) == 0:
        return W.new_zeros(len(offsets) - 1, W.shape[1])
    return F.embedding_bag(
        latents, W, offsets, mode="sum", per_sample_weights=values, include_last_offset=True
    )


def dots(
    rows: Float[Tensor, "n o"],
    W: Float[Tensor, "m o"],
    latents: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
) -> Float[Tensor, " e"]:
    """Return the dot product of each entry's token row and latent row."""
    return (rows[tokens_of(offsets, len(latents))] * W[latents]).sum(-1)


def add_by_latent(
    values: Float[Tensor, " e"],
    tokens: Int[Tensor, " e"],
    order: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
    rows: Float[Tensor, "r o"],
    out: Float[Tensor, "m o"],
) -> None:
    """Add to each latent's row the weighted rows of the tokens it has entries on."""
    out.add_(sum_rows(values[order], tokens[order], offsets, rows))


def fit(
    values: Float[Tensor, " e"],
    latents: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
    W: Float[Tensor, "m o"],
    base: Float[Tensor, "b o"],
    target: Float[Tensor, "n o"],
    ends: list[int],
    weights: list[float],
    apart: bool = False,
) -> tuple[Float[Tensor, "p n o"], Float[Tensor, " e"], Float[Tensor, " n"]]:
    """Rebuild, prefix by prefix, and compare.

    Args:
        values: Acts of the entries.
        latents: Their latents.
        offsets: Where each token's entries begin.
        W: Directions.
        base: What is rebuilt where nothing fires, one row or one a token.
        target: What is to be rebuilt.
        ends: Where each prefix ends; the last is the whole.
        weights: Weight of each prefix's squared error.
        apart: Whether latents learn from the first prefix they are in, and from the whole, only.

    Returns:
        The error of each prefix and those outside it (`apart`: and the whole), summed by their
        weights over the last one's (the last is the plain error of the whole); its product with
        each entry's direction; the weighted squared error of each token.
    """
    prefix = prefix_of(latents, ends)
    inside = [values * (prefix == q) for q in range(len(ends))] if len(ends) > 1 else [values]
    parts = (sum_rows(part, latents, offsets, W) for part in inside)
    errors, losses = left_over(target - base, parts, weights, apart)
    if len(ends) == 1:
        return errors, dots(errors[0], W, latents, offsets), losses
    tokens = tokens_of(offsets, len(latents))
    return errors, (errors[prefix, tokens] * W[latents]).sum(-1), losses


def left_over(
    whole: Float[Tensor, "n o"],
    parts: Iterable[Float[Tensor, "n o"]],
    weights: list[float],
    apart: bool,
) -> tuple[Float[Tensor, "p n o"], Float[Tensor, " n"]]:
    """Take away what each prefix rebuilds; return its errors and the losses as `fit` does."""
    errors, losses = [], whole.new_zeros(len(whole))
    for part, weight in zip(parts, weights, strict=True):
        whole = whole - part
        losses = losses + weight * whole.square().sum(1)
        errors.append(whole)
    for q in reversed(range(len(errors) - 1)):
        outer = errors[-1 if apart else q + 1]
        errors[q] = outer + weights[q] / weights[-1] * errors[q]
    return torch.stack(errors), losses


def count(
    values: Float[Tensor, " e"], latents: Int[Tensor, " e"], offsets: Int[Tensor, " ends"], m: int
) -> tuple[Int[Tensor, " n"], Int[Tensor, " m"]]:
    """Return how many entries fired, by token and by latent."""
    fired = values != 0
    tokens = tokens_of(offsets, len(latents))[fired]
    by_token = torch.bincount(tokens, minlength=len(offsets) - 1)
    return by_token, torch.bincount(latents[fired], minlength=m)


def squares(
    W: Float[Tensor, "m d"], gradient: Float[Tensor, "m d"], unit: bool
) -> Float[Tensor, " m"]:
    """Return the squared length of each row's gradient, the part along a unit row left out."""
    return across(W, gradient, unit).square().sum(1)


def adam(
    W: Float[Tensor, "m d"],
    gradient: Float[Tensor, "m d"],
    mean: Float[Tensor, "m d"],
    square: Float[Tensor, "m d"],
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    step: int,
    scale: Float[Tensor, ""],
    unit: bool,
) -> None:
    """Take Adam's step `step` (from 1) on the gradient times `scale`, which it leaves zero.

    With `unit`, the part of the gradient along each row is left out (Bricken et al. 2023, A.1:
    Adam's moments would fill with what renormalisation takes away) and rows end at unit length.
    """
    g = across(W, gradient, unit).mul(scale)
    mean.lerp_(g, 1 - betas[0])
    square.mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
    root = (square / (1 - betas[1] ** step)).sqrt_().add_(eps)
    W.addcdiv_(mean, root, value=-lr / (1 - betas[0] ** step))
    end(W, gradient, unit)


def adam8(
    W: Float[Tensor, "m d"],
    gradient: Float[Tensor, "m d"],
    mean: Int8[Tensor, "m d"],
    mean_top: Float[Tensor, " m"],
    root: UInt8[Tensor, "m d"],
    root_top: Float[Tensor, " m"],
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    step: int,
    scale: Float[Tensor, ""],
    unit: bool,
) -> None:
    """Take Adam's step with moments of 8 bits, a row a block (Dettmers et al. 2021, block-wise).

    The mean is kept in steps of a 127th of the row's largest, the root of the mean square in
    255ths, rounded up: a root of zero would make a step of any size.
    """
    g = across(W, gradient, unit).mul(scale)
    a = mean * (mean_top / 127)[:, None]
    a = betas[0] * a + (1 - betas[0]) * g
    b = (root * (root_top / 255)[:, None]).square()
    b = (betas[1] * b + (1 - betas[1]) * g * g).sqrt()
    fix = (1 - betas[1] ** step) ** -0.5
    W.addcdiv_(a, b * fix + eps, value=-lr / (1 - betas[0] ** step))
    mean_top.copy_(a.abs().amax(1))
    root_top.copy_(b.amax(1))
    mean.copy_((a * (127 / mean_top.clamp(min=1e-30))[:, None]).round())
    root.copy_((b * (255 / root_top.clamp(min=1e-30))[:, None]).ceil().clamp(max=255))
    end(W, gradient, unit)


def signum(
    W: Float[Tensor, "m d"],
    gradient: Float[Tensor, "m d"],
    mean: Float[Tensor, "m d"],
    *,
    lr: float,
    beta: float,
    scale: Float[Tensor, ""],
    unit: bool,
) -> None:
    """Step by the sign of the mean gradient (Bernstein et al. 2018, algorithm 2)."""
    mean.lerp_(across(W, gradient, unit).mul(scale), 1 - beta)
    W.sub_(mean.sign(), alpha=lr)
    end(W, gradient, unit)


def end(W: Tensor, gradient: Tensor, unit: bool) -> None:
    """Bring rows to unit length if they are to be, and the gradient to zero."""
    if unit:
        W.div_(W.norm(dim=1, keepdim=True).clamp(min=1e-12))
    gradient.zero_()


def across(W: Tensor, gradient: Tensor, unit: bool) -> Tensor:
    """Return the gradient, or what of it is across unit rows."""
    return gradient - (gradient * W).sum(1, keepdim=True) * W if unit else gradient


def slabs(x: Float[Tensor, "n d"], W: Float[Tensor, "m d"]) -> tuple[Tensor, ...]:
    """Split tokens so that memory does not grow with their number."""
    return x.split(max(1, SLAB // len(W)))


def dense(
    x: Float[Tensor, "n d"], W: Float[Tensor, "m d"], b: Float[Tensor, " m"]
) -> Float[Tensor, "n m"]:
    """Return all pre-activations of a slab, valid until the next one."""
    out = scratch("scores", len(x), len(W), like=x)
    return torch.addmm(b, x, W.T, out=out)


def first_cut(
    sample: Float[Tensor, "n m"], a_row: float, *, spare: float = 1.5
) -> Float[Tensor, ""]:
    """Return the value that `spare` times `a_row` in each row of a sample exceed."""
    wanted = min(max(1, int(spare * a_row * len(sample))), sample.numel())
    return sample.flatten().topk(wanted).values[-1].clamp(min=0)


def prefix_of(latents: Int[Tensor, " e"], ends: list[int]) -> Int[Tensor, " e"]:
    """Return which of the nested prefixes, that end at `ends`, each entry is the first in."""
    out = torch.zeros_like(latents)
    for end in ends[:-1]:
        out += latents >= end
    return out


def tokens_of(offsets: Int[Tensor, " ends"], entries: int) -> Int[Tensor, " e"]:
    """Return the token of each entry."""
    rows = torch.arange(len(offsets) - 1, device=offsets.device)
    return rows.repeat_interleave(offsets.diff(), output_size=entries)


def _marked(pre: Float[Tensor, "n m"], keep: Bool[Tensor, "n m"]) -> Found:
    """Return the pairs that `keep` marks."""
    n, m = pre.shape
    flat = keep.flatten().nonzero().squeeze(1)
    rows = torch.arange(n + 1, device=pre.device) * m
    return pre.flatten()[flat], flat % m, torch.searchsorted(flat, rows)


def _stack(parts: list[tuple[Tensor, Tensor, Tensor]], like: Tensor) -> Found:
    """Put the entries of consecutive slabs one under the other."""
    if len(parts) == 1:
        return parts[0]
    ends = torch.cat([offsets.diff() for _, _, offsets in parts]) if parts else like.new_zeros(0)
    zero = torch.zeros(1, dtype=torch.int64, device=like.device)
    offsets = torch.cat([zero, ends.to(torch.int64).cumsum(0)])
    return _joined([p for p, _, _ in parts], like), _joined([j for _, j, _ in parts], zero), offsets


def _joined(parts: list[Tensor], like: Tensor) -> Tensor:
    return torch.cat(parts) if parts else like.new_zeros(0)
