r"""The two products a sparse code needs, with gradients that touch only its entries.

    entries    pre_e = W_enc[latent_e] . (x[token_e] - b_pre) + b_enc[latent_e]
    sum_rows   x'_t  = sum over the entries e of token t of  values_e W_dec[latent_e]

Training pays one dense product, in the forward pass, to learn *which* entries there are; it runs
without a graph.  The nodes here then carry the gradients: `e` rows of width `d` instead of two
further dense products (Gao et al. 2024, section 2.6 and appendix D), and `b_pre` by one
matrix-vector product.  Codes that are not sparse, as ReLU's are at the start, take dense products.

Axes: n tokens, d width, m latents, e entries.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from unmix.dictionaries.code import Support

DENSE = 1 / 16
"""Share of entries above which a dense product is the faster one (2 CPU cores, d = 576)."""


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
    values: Float[Tensor, " e"], support: Support, W_dec: Float[Tensor, "m d"]
) -> Float[Tensor, "n d"]:
    """Add up the directions of each token's entries, weighted by their values."""
    return _SumRows.apply(values, W_dec, support)


def is_dense(support: Support) -> bool:
    """Say whether so many entries are present that dense products are faster."""
    return len(support.latents) > DENSE * len(support) * support.n_latents


def spread(values: Float[Tensor, " e"], support: Support) -> Float[Tensor, "n m"]:
    """Write the entries into a matrix of zeros."""
    out = values.new_zeros(len(support), support.n_latents)
    return out.index_put_((support.tokens, support.latents), values)


def rows_by_latent(
    values: Float[Tensor, " e"], support: Support, rows: Float[Tensor, "n d"]
) -> Float[Tensor, "m d"]:
    """Sum, for each latent, the rows of the tokens it has entries on, weighted by the values."""
    if is_dense(support):
        return spread(values, support).T @ rows
    order, offsets = support.by_latent
    return _bag(support.tokens[order], rows, offsets, values[order])


def sum_by_latent(values: Float[Tensor, " e"], support: Support) -> Float[Tensor, " m"]:
    """Sum the values of each latent."""
    return values.new_zeros(support.n_latents).index_add_(0, support.latents, values)


class _Entries(Function):
    """The encoder at the entries of a support; see `entries`."""

    @staticmethod
    def forward(ctx, pre, W_enc, b_enc, b_pre, centred, support):
        ctx.save_for_backward(W_enc, centred)
        ctx.support = support
        return pre.clone()

    @staticmethod
    def backward(ctx, *gradients):
        (gradient,) = gradients
        W_enc, centred = ctx.saved_tensors
        db_enc = sum_by_latent(gradient, ctx.support)
        dW_enc = db_pre = None
        if ctx.needs_input_grad[1]:
            dW_enc = rows_by_latent(gradient, ctx.support, centred)
        if ctx.needs_input_grad[3]:
            db_pre = -(db_enc @ W_enc)
        return None, dW_enc, db_enc, db_pre, None, None


class _SumRows(Function):
    """The decoder without its bias; see `sum_rows`."""

    @staticmethod
    def forward(ctx, values, W_dec, support):
        ctx.save_for_backward(values, W_dec)
        ctx.support = support
        if is_dense(support):
            return spread(values, support) @ W_dec
        return _bag(support.latents, W_dec, support.offsets, values)

    @staticmethod
    def backward(ctx, *gradients):
        gradient = gradients[0].contiguous()
        values, W_dec = ctx.saved_tensors
        support = ctx.support
        dvalues = dW_dec = None
        if ctx.needs_input_grad[0]:
            dvalues = _dots(gradient, W_dec, support)
        if ctx.needs_input_grad[1]:
            dW_dec = rows_by_latent(values, support, gradient)
        return dvalues, dW_dec, None


def _bag(indices: Tensor, rows: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
    """Sum weighted rows between offsets; empty bags are zero."""
    if len(indices) == 0:
        return rows.new_zeros(len(offsets) - 1, rows.shape[1])
    return F.embedding_bag(
        indices, rows, offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
    )


def _dots(rows: Tensor, W: Tensor, support: Support) -> Tensor:
    """Return the dot product of each entry's token row and latent row."""
    if is_dense(support):
        return (rows @ W.T)[support.tokens, support.latents]
    if rows.device.type != "cpu" or len(support.latents) == 0:
        return (rows[support.tokens] * W[support.latents]).sum(-1)
    # The gradient of an embedding bag's weights is this product, without its [e, d] temporaries.
    return torch.ops.aten._embedding_bag_per_sample_weights_backward(
        rows, W, support.latents, support.offsets, support.tokens, 0, -1
    )
