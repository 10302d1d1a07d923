r"""What is learnt: functions of one step that add up to the loss.

All are means over the tokens of a batch of sums over width or latents, on scaled activations
(zero mean, unit mean square), so a loss of `d` is a fraction of variance unexplained of 1.

    reconstruction   ||x - x'||^2, or its weighted mean over nested prefixes
    l1               sum z_j, or sum z_j ||W_dec_j||
    l0_*             a count of what fires, through the threshold's stand-in gradient
    gate             sum relu(gate) and ||x - x'(relu(gate))||^2 with the decoder frozen
    auxk             the error, rebuilt by dead latents alone
    more             ||x - x'||^2 with four times as many latents on
    pre_activation   how far dead latents are below their threshold

Axes: n tokens, i and o widths of input and target, m latents, e entries.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.dictionaries.code import Code
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.products import compare, rows_of
from unmix.dictionaries.sparsity import JumpReLU, TopK

AUX_SHARE, AUX_FEWEST = 1 / 4, 256
"""Tokens of a batch that AuxK looks at, and how many at least: with hundreds of dead latents all
of them cost a fifth of a step, for a term of weight 1/32."""


class Look(NamedTuple):
    """All that an objective may look at in one step."""

    dictionary: Dictionary
    x: Float[Tensor, "n i"]
    """What is read, scaled."""
    target: Float[Tensor, "n o"]
    """What is to be rebuilt, scaled."""
    pre: Float[Tensor, " e"]
    """Pre-activations of the code's entries."""
    code: Code
    reconstruction: Float[Tensor, ""]
    """Squared error per token, the weighted mean over nested prefixes."""
    error: Float[Tensor, "n o"]
    """What the whole dictionary misses.  Carries no gradient."""


def squared(error: Float[Tensor, "n o"]) -> Float[Tensor, ""]:
    """Return the mean over tokens of the squared length."""
    return error.norm().square() / len(error)


def look_at(
    dictionary: Dictionary,
    x: Float[Tensor, "n i"],
    target: Float[Tensor, "n o"],
    *,
    prefixes: Sequence[int] = (),
    prefix_weight: float = 1.0,
    prefix_apart: bool = False,
) -> Look:
    """Read, encode, rebuild and compare a batch.

    Inner prefixes weigh `prefix_weight`, the whole dictionary 1: Matryoshka (Bussmann et al. 2025)
    and its balanced form (Chanin et al. 2025, 2505.11756).  With `prefix_apart` the reconstruction
    by the prefix before carries no gradient in an inner loss.  Mostly there is only the whole.
    """
    pre, support = dictionary.read(x)
    code = Code(dictionary.sparsity.acts(pre, support.latents), support)
    ends = [*(p for p in prefixes if p < code.n_latents), code.n_latents]
    whole = 1 / (1 + prefix_weight * (len(ends) - 1))
    compared = compare(
        code.values,
        support,
        dictionary.W_dec,
        base=dictionary.base(x),
        target=target,
        ends=ends,
        weights=[prefix_weight * whole] * (len(ends) - 1) + [whole],
        apart=prefix_apart,
    )
    return Look(dictionary, x, target, pre, code, compared.loss, compared.error)


def l1(look: Look, *, by_norm: bool) -> Float[Tensor, ""]:
    """Return the sum of acts, each by its direction's norm if directions are free.

    Bricken et al. 2023 (unit rows); Anthropic's April 2024 update (free rows).
    """
    acts = look.code.values
    if by_norm:
        acts = acts * look.dictionary.W_dec.norm(dim=1)[look.code.latents]
    return acts.sum() / len(look.code)


def l0_step(look: Look) -> Float[Tensor, ""]:
    """Return the number of latents that fire (Rajamanoharan et al. 2024b, equation 9)."""
    return _fires(look).sum() / len(look.code)


def l0_quadratic(look: Look, k: float) -> Float[Tensor, ""]:
    """Return `d (L0 / k - 1)^2`: it steers itself to a target L0."""
    return look.x.shape[1] * (l0_step(look) / k - 1).square()


def l0_tanh(look: Look, scale: float = 4.0) -> Float[Tensor, ""]:
    """Return the soft count `sum tanh(4 z ||W_dec||)` (Anthropic's January 2025 update)."""
    norms = look.dictionary.W_dec.norm(dim=1)[look.code.latents]
    return torch.tanh(scale * look.code.values * norms).sum() / len(look.code)


def gate_l1(look: Look) -> Float[Tensor, ""]:
    """Return the sum of the positive parts of the gates (Rajamanoharan et al. 2024a, 3.2)."""
    return look.pre.relu().sum() / len(look.code)


def gate_reconstruction(look: Look) -> Float[Tensor, ""]:
    """Return the squared error of the gates' positive parts through the frozen decoder."""
    d = look.dictionary
    return compare(
        look.pre.relu(),
        look.code.support,
        d.W_dec.detach(),
        base=d.b_dec.detach(),
        target=look.target,
        ends=[d.n_latents],
        weights=[1.0],
    ).loss


def more(look: Look, k: int) -> Float[Tensor, ""]:
    """Return the squared error with `k` latents a token on (Multi-TopK; Gao et al. 2024, 5.3)."""
    d = look.dictionary
    sparsity = TopK(min(k, d.n_latents))
    pre, support = d.read(look.x, sparsity)
    return compare(
        sparsity.acts(pre, support.latents),
        support,
        d.W_dec,
        base=d.base(look.x),
        target=look.target,
        ends=[d.n_latents],
        weights=[1.0],
    ).loss


def auxk(look: Look, dead: Int[Tensor, " dead"], k: int) -> Float[Tensor, ""]:
    """Return the share of the error that the dead latents leave, times `d`.

    The error is detached, its share taken around the batch mean, the `k` largest dead latents of
    each token take part, and encoder and decoder both learn (Gao et al. 2024, A.2).  Only the
    dead latents' rows are multiplied, for some of the tokens: a batch is in random order, so that
    they stand for all.  With fewer than `k` dead it counts in proportion.
    """
    if len(dead) == 0:
        return look.x.new_zeros(())
    some = max(AUX_FEWEST, int(AUX_SHARE * len(look.x)))
    d, x, error = look.dictionary, look.x[:some], look.error[:some]
    W_enc, W_dec = rows_of(d.W_enc, dead), rows_of(d.W_dec, dead)
    # x is not centred: the bias takes what `b_pre` would have taken from the product.
    bias = d.b_enc[dead] - W_enc @ d.b_pre.detach()
    acts = torch.addmm(bias, x, W_enc.T).relu()
    if k < len(dead):
        top = acts.topk(k, dim=-1, sorted=False)
        acts = torch.zeros_like(acts).scatter(-1, top.indices, top.values)
    left = squared(torch.addmm(error, acts, W_dec, alpha=-1))
    whole = (squared(error) - error.mean(0).square().sum()).clamp(min=1e-12)
    return left / whole * error.shape[1] * min(1.0, len(dead) / k)


def pre_activation(look: Look, dead: Int[Tensor, " dead"]) -> Float[Tensor, ""]:
    """Return how far below their threshold dead latents are, by norm (Anthropic, January 2025)."""
    if len(dead) == 0:
        return look.x.new_zeros(())
    d = look.dictionary
    pre = (look.x - d.b_pre.detach()) @ rows_of(d.W_enc, dead).T + d.b_enc[dead]
    low = d.sparsity.log_threshold.exp()[dead] if isinstance(d.sparsity, JumpReLU) else 0.0
    return ((low - pre).relu() * rows_of(d.W_dec, dead).norm(dim=1)).sum() / len(pre)


def _fires(look: Look) -> Float[Tensor, " e"]:
    sparsity = look.dictionary.sparsity
    assert isinstance(sparsity, JumpReLU)
    return sparsity.fires(look.pre, look.code.latents)
