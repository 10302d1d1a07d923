r"""The products a sparse code needs, with gradients that touch only its entries.

    entries    pre_e = W_enc[latent_e] . (x[token_e] - b_pre) + b_enc[latent_e]
    sum_rows   x'_t  = sum over the entries e of token t of  values_e W_dec[latent_e]
    compare    the squared error of that, and of nested parts of it

Training pays one dense product, in the forward pass, to learn *which* entries there are; it runs
without a graph.  The nodes here then carry the gradients: `e` rows of width `d` instead of two
further dense products (Gao et al. 2024, section 2.6 and appendix D), and `b_pre` by one
matrix-vector product.  Codes that are not sparse, as ReLU's are at the start, take dense products.

A parameter that has a `grad` already gets its share added there, in place; one without gets a new
one, as always.  So an optimiser that keeps its gradients spares a matrix of fresh memory a node.

Axes: n tokens, d and o widths, m latents, e entries, p prefixes.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function

from unmix.dictionaries import kernels
from unmix.dictionaries.code import Support
from unmix.dictionaries.kernels import plain


class Compared(NamedTuple):
    """A reconstruction against its target."""

    loss: Float[Tensor, ""]
    """Squared error per token, the weighted sum over prefixes."""
    error: Float[Tensor, "n o"]
    """What the whole dictionary misses.  Carries no gradient."""


def entries(
    pre: Float[Tensor, " e"],
    support: Support,
    *,
    centred: Float[Tensor, "n d"],
    W_enc: Float[Tensor, "m d"],
    b_enc: Float[Tensor, " m"],
    b_pre: Float[Tensor, " d"],
) -> Float[Tensor, " e"]:
    """Return `pre`, the pre-activations already read off at `support`, tied to the parameters.

    `centred` is `x - b_pre`, of which nothing but `b_pre` takes a gradient.
    """
    return _Entries.apply(pre, W_enc, b_enc, b_pre, centred, support)


def sum_rows(
    values: Float[Tensor, " e"], support: Support, W_dec: Float[Tensor, "m o"]
) -> Float[Tensor, "n o"]:
    """Add up the directions of each token's entries, weighted by their values."""
    return _SumRows.apply(values, W_dec, support)


def compare(
    values: Float[Tensor, " e"],
    support: Support,
    W_dec: Float[Tensor, "m o"],
    *,
    base: Float[Tensor, "... o"],
    target: Float[Tensor, "n o"],
    ends: list[int],
    weights: list[float],
    apart: bool = False,
) -> Compared:
    """Rebuild `target` from nested prefixes of the latents and compare.

    Args:
        values: Acts of the entries.
        support: Their tokens and latents.
        W_dec: Directions.
        base: What is rebuilt where nothing fires: `[o]`, or `[n, o]`.
        target: What is to be rebuilt.
        ends: Where each prefix of the latents ends; the last is `m`.
        weights: Weight of each prefix's squared error.
        apart: Whether a latent learns from the first prefix it is in, and from the whole, only.
    """
    base = base if base.ndim == 2 else base[None]
    return Compared(*_Compare.apply(values, W_dec, base, target, support, ends, weights, apart))


def rows_of(W: Float[Tensor, "m d"], latents: Int[Tensor, " a"]) -> Float[Tensor, "a d"]:
    """Return the rows of some latents; their gradient touches no others."""
    return _Rows.apply(W, latents)


def is_dense(support: Support) -> bool:
    """Say whether so many entries are present that dense products are faster."""
    return len(support.latents) > kernels.DENSE * len(support) * support.n_latents


def spread(values: Float[Tensor, " e"], support: Support) -> Float[Tensor, "n m"]:
    """Write the entries into a matrix of zeros."""
    out = values.new_zeros(len(support), support.n_latents)
    return out.index_put_((support.tokens, support.latents), values)


class _Entries(Function):
    """The encoder at the entries of a support; see `entries`."""

    @staticmethod
    def forward(ctx, pre, W_enc, b_enc, b_pre, centred, support):
        ctx.W_enc, ctx.centred, ctx.support = W_enc, centred, support
        return pre.clone()

    @staticmethod
    def backward(ctx, *gradients):
        (gradient,) = gradients
        db_enc = _sum_by_latent(gradient, ctx.support)
        dW_enc = db_pre = None
        if ctx.needs_input_grad[1]:
            dW_enc = _by_latent(ctx.W_enc, gradient, ctx.support, ctx.centred)
        if ctx.needs_input_grad[3]:
            db_pre = -(db_enc @ ctx.W_enc.detach())
        return None, dW_enc, db_enc, db_pre, None, None


class _SumRows(Function):
    """The decoder without its bias; see `sum_rows`."""

    @staticmethod
    def forward(ctx, values, W_dec, support):
        ctx.save_for_backward(values)
        ctx.W_dec, ctx.support = W_dec, support
        if is_dense(support):
            return spread(values, support) @ W_dec
        sums = kernels.of(W_dec).sum_rows
        return sums(values, support.latents, support.offsets, W_dec)

    @staticmethod
    def backward(ctx, *gradients):
        gradient = gradients[0].contiguous()
        (values,) = ctx.saved_tensors
        dvalues = dW_dec = None
        if ctx.needs_input_grad[0]:
            dvalues = _dots(gradient, ctx.W_dec.detach(), ctx.support)
        if ctx.needs_input_grad[1]:
            dW_dec = _by_latent(ctx.W_dec, values, ctx.support, gradient)
        return dvalues, dW_dec, None


class _Compare(Function):
    """Reconstruction, error and all gradients but the directions' in one pass; see `compare`."""

    @staticmethod
    def forward(ctx, values, W_dec, base, target, support, ends, weights, apart):
        fit = _fit_dense if is_dense(support) else kernels.of(W_dec).fit
        errors, dvalues, losses = fit(
            values, support.latents, support.offsets, W_dec, base, target, ends, weights, apart
        )
        ctx.save_for_backward(values, errors, dvalues)
        ctx.W_dec, ctx.support, ctx.ends, ctx.shared = W_dec, support, ends, len(base) == 1
        ctx.factor = -2 * weights[-1] / max(1, len(target))
        error = errors[-1]
        ctx.mark_non_differentiable(error)
        return losses.sum() / max(1, len(target)), error

    @staticmethod
    def backward(ctx, *gradients):
        values, errors, dvalues = ctx.saved_tensors
        factor = gradients[0] * ctx.factor
        dW_dec = dbase = None
        if ctx.needs_input_grad[1]:
            dW_dec = _by_latent(ctx.W_dec, values * factor, ctx.support, errors, ends=ctx.ends)
        if ctx.needs_input_grad[2]:
            dbase = (errors[0].sum(0, keepdim=True) if ctx.shared else errors[0]) * factor
        return dvalues * factor, dW_dec, dbase, None, None, None, None, None


class _Rows(Function):
    """Some rows of a matrix; see `rows_of`."""

    @staticmethod
    def forward(ctx, W, latents):
        ctx.W, ctx.latents = W, latents
        return W[latents]

    @staticmethod
    def backward(ctx, *gradients):
        return _grown(ctx.W, lambda out: out.index_add_(0, ctx.latents, gradients[0])), None


def _by_latent(
    W: Tensor, values: Tensor, support: Support, rows: Tensor, *, ends: list[int] | None = None
) -> Tensor | None:
    """Give `W` the sum, for each latent, of the weighted rows of the tokens it has entries on.

    With `ends`, `rows` is `[p, n, o]` and a latent takes the rows of the prefix it is in.
    """
    if ends is None or len(ends) == 1:
        tokens, rows, ends = support.tokens, rows.flatten(0, -2), [len(W)]
    else:
        prefix = plain.prefix_of(support.latents, ends)
        tokens, rows = support.tokens + prefix * rows.shape[1], rows.flatten(0, 1)
    if is_dense(support):
        acts = spread(values, support)
        parts = rows.split(len(support))
        begins = [0, *ends]
        return _grown(
            W,
            lambda out: [
                out[a:b].addmm_(acts[:, a:b].T, part)
                for a, b, part in zip(begins, ends, parts, strict=False)
            ],
        )
    order, offsets = support.by_latent
    add = kernels.of(rows).add_by_latent
    return _grown(W, lambda out: add(values, tokens, order, offsets, rows, out))


def _sum_by_latent(values: Tensor, support: Support) -> Tensor:
    """Sum the values of each latent, in an order that is always the same."""
    out = values.new_zeros(support.n_latents, 1)
    order, offsets = support.by_latent
    one = values.new_ones(1, 1)
    tokens = torch.zeros_like(order)
    kernels.of(values).add_by_latent(values, tokens, order, offsets, one, out)
    return out[:, 0]


def _grown(W: Tensor, add: Callable[[Tensor], object]) -> Tensor | None:
    """Let `add` add to the gradient `W` has and return nothing, or return a new one."""
    if W.is_leaf and W.grad is not None:
        add(W.grad)
        return None
    out = torch.zeros_like(W, requires_grad=False)
    add(out)
    return out


def _fit_dense(values, latents, offsets, W, base, target, ends, weights, apart):
    """Return what `plain.fit` does, by dense products."""
    support = Support(latents, offsets, len(W))
    acts, bounds = spread(values, support), list(pairwise([0, *ends]))
    parts = (acts[:, a:b] @ W[a:b] for a, b in bounds)
    errors, losses = plain.left_over(target - base, parts, weights, apart)
    grid = torch.cat([e @ W[a:b].T for (a, b), e in zip(bounds, errors, strict=True)], dim=1)
    return errors, grid[support.tokens, latents], losses


def _dots(rows: Tensor, W: Tensor, support: Support) -> Tensor:
    """Return the dot product of each entry's token row and latent row."""
    if is_dense(support):
        return (rows @ W.T)[support.tokens, support.latents]
    return kernels.of(rows).dots(rows, W, support.latents, support.offsets)
