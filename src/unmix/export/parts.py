"""What other libraries store of a dictionary, and how their names and shapes are got from ours.

    theirs, input centred       pre = W_enc (x - b_dec) + b_enc
    theirs, input as it is      pre = W_enc x + b_folded,    b_folded = b_enc - W_enc b_pre

Axes: m latents, d width (i in, o out).
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import BatchTopK, Gated, JumpReLU
from unmix.errors import UserError


class Parts(NamedTuple):
    """The affine maps of a dictionary, in float32."""

    W_enc: Float[Tensor, "m i"]
    """Encoder rows."""
    b_enc: Float[Tensor, " m"]
    """Bias on centred input."""
    b_folded: Float[Tensor, " m"]
    """Bias on the input as it is."""
    W_dec: Float[Tensor, "m o"]
    """Decoder rows."""
    b_dec: Float[Tensor, " o"]
    """Bias of what is rebuilt; for a transcoder it is not what the input is centred by."""
    W_skip: Float[Tensor, "o i"] | None
    """What is passed straight on, if anything."""


def parts(dictionary: Dictionary) -> Parts:
    """Return the affine maps of a dictionary; the bias is folded in float64."""
    if dictionary.refine:
        raise UserError(
            "other libraries have no form for a dictionary that looks twice; train one without "
            "`refine`"
        )
    W_enc, b_enc = dictionary.W_enc.detach(), dictionary.b_enc.detach()
    folded = b_enc.double() - W_enc.double() @ dictionary.b_pre.detach().double()
    skip = dictionary.W_skip
    return Parts(
        W_enc=W_enc.float(),
        b_enc=b_enc.float(),
        b_folded=folded.float(),
        W_dec=dictionary.W_dec.detach().float(),
        b_dec=dictionary.b_dec.detach().float(),
        W_skip=None if skip is None else skip.detach().float(),
    )


def jump(dictionary: Dictionary) -> Float[Tensor, " m"] | None:
    """Return the value each pre-activation must exceed to fire, where the kind has one.

    A BatchTopK dictionary fires where its one threshold is *reached*, so that what is to be
    exceeded is the next number below.
    """
    sparsity = dictionary.sparsity
    if isinstance(sparsity, JumpReLU):
        return sparsity.log_threshold.detach().exp().float()
    if isinstance(sparsity, BatchTopK):
        reached = sparsity.threshold.detach().float()
        below = torch.nextafter(reached, reached.new_tensor(-torch.inf)).clamp(min=0)
        return below.expand(dictionary.n_latents).clone()
    return None


def magnitude(dictionary: Dictionary) -> dict[str, Float[Tensor, " m"]]:
    """Return `r_mag` and `b_mag` of a gated dictionary as maps of the input; nothing for others.

    Ours measures with a map of the gate, `exp(r_mag) pre + b_mag`, and `pre` has `b_enc` in it.
    """
    sparsity = dictionary.sparsity
    if not isinstance(sparsity, Gated):
        return {}
    r_mag = sparsity.r_mag.detach()
    b_mag = r_mag.exp() * dictionary.b_enc.detach() + sparsity.b_mag.detach()
    return {"r_mag": r_mag.float(), "b_mag": b_mag.float()}


def refuse(dictionary: Dictionary, library: str, *, takes: Iterable[str]) -> UserError:
    """Return the sentence for a dictionary that a library has no form for."""
    kind = dictionary.sparsity.kind
    form = f"a `{kind}` transcoder" if dictionary.is_transcoder else f"a `{kind}` dictionary"
    named = ", ".join(f"`{kind}`" for kind in takes)
    only = f", only for {named}" if named else ""
    return UserError(f"{library} has no form for {form}{only}; choose another library")
