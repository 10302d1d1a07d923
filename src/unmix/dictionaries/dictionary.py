"""A sparse dictionary: every activation is a few directions, added up.

    pre = W_enc (x - b_pre) + b_enc        how much each latent is present
    z   = sparsity(pre)                    few of them are kept
    x'  = W_dec^T z + b_dec                the directions, added up

A dictionary may *refine* what it reads: it looks twice, the second time with `refine` times what
the first look left unexplained added to `x`, so that latents that speak for the same part of `x`
see each other (one step of LISTA, Gregor and LeCun 2010).

There is one class for all kinds.  What varies is passed in: the `Sparsity` decides which latents
fire, an objective (see `unmix.training.objectives`) what is learnt.  Where input and target are
the same site, `b_dec` *is* `b_pre`.  A transcoder reads one site and rebuilds another: it has a
`b_dec` of its own and may have a matrix `W_skip` that passes part of `x` straight on.

Axes: n tokens, d activation width (i in, o out), m latents, e entries.
"""

import copy
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unmix.dictionaries.code import Code
from unmix.dictionaries.pre import Pre, Selected
from unmix.dictionaries.products import entries, sum_rows
from unmix.dictionaries.sparsity import Sparsity
from unmix.errors import UserError


@final
class Dictionary(nn.Module):
    """An overcomplete set of directions and the affine map that reads them.

    Args:
        d_in: Width of the activations it reads.
        n_latents: Number of directions, `m`.
        sparsity: Which latents may fire.
        d_out: Width of the activations it rebuilds, if another site; that makes it a transcoder.
        skip: Whether a transcoder has `W_skip`.
        refine: How much of what the first look left is added for a second; 0 is one look.
    """

    def __init__(
        self,
        d_in: int,
        n_latents: int,
        sparsity: Sparsity,
        *,
        d_out: int | None = None,
        skip: bool = False,
        refine: float = 0.0,
    ) -> None:
        super().__init__()
        k = getattr(sparsity, "k", 0)
        if k > n_latents:
            raise UserError(f"`k` is {k:g} but there are {n_latents} latents; lower `k`")
        if skip and d_out is None:
            raise UserError("`skip` passes the input to *another* site; name one with `target`")
        if refine and d_out is not None:
            raise UserError("`refine` needs input and target at one site; leave out `target`")
        self.sparsity = sparsity
        self.refine = refine
        self.first = copy.deepcopy(sparsity) if refine else None
        self.is_transcoder = d_out is not None
        d_out = d_in if d_out is None else d_out
        self.W_enc = nn.Parameter(torch.zeros(n_latents, d_in))
        self.b_enc = nn.Parameter(torch.zeros(n_latents))
        self.b_pre = nn.Parameter(torch.zeros(d_in))
        self.W_dec = nn.Parameter(torch.zeros(n_latents, d_out))
        self.b_dec = nn.Parameter(torch.zeros(d_out)) if self.is_transcoder else self.b_pre
        self.W_skip = nn.Parameter(torch.zeros(d_out, d_in)) if skip else None

    @property
    def n_latents(self) -> int:
        """Number of directions, `m`."""
        return self.W_enc.shape[0]

    @property
    def d_in(self) -> int:
        """Width of the activations it reads."""
        return self.W_enc.shape[1]

    @property
    def d_out(self) -> int:
        """Width of the activations it rebuilds."""
        return self.W_dec.shape[1]

    def read(self, x: Float[Tensor, "n i"], sparsity: Sparsity | None = None) -> Selected:
        """Return the pre-activations of the pairs that get an entry, tied to the parameters.

        `sparsity` picks them in place of the dictionary's own.  The first of two looks carries no
        gradient.
        """
        sparsity = sparsity or self.sparsity
        with torch.no_grad():
            centred = self._refined(x - self.b_pre)
            pre, support = sparsity.select(Pre(centred, self.W_enc, self.b_enc))
        if not torch.is_grad_enabled():
            return Selected(pre, support)
        W_enc, b_enc = self.W_enc, self.b_enc
        b_pre = self.b_pre * (1 + self.refine) if self.refine else self.b_pre
        tied = entries(pre, support, centred=centred, W_enc=W_enc, b_enc=b_enc, b_pre=b_pre)
        return Selected(tied, support)

    def _refined(self, centred: Float[Tensor, "n i"]) -> Float[Tensor, "n i"]:
        """Add some of what a first look leaves unexplained."""
        if self.first is None:
            return centred
        pre, support = self.first.select(Pre(centred, self.W_enc, self.b_enc))
        rebuilt = sum_rows(self.first.acts(pre, support.latents), support, self.W_dec)
        return centred * (1 + self.refine) - self.refine * rebuilt

    def encode(self, x: Float[Tensor, "n i"]) -> Code:
        """Read activations as a few latents a token."""
        pre, support = self.read(x)
        return Code(self.sparsity.acts(pre, support.latents), support)

    def decode(self, code: Code, x: Float[Tensor, "n i"] | None = None) -> Float[Tensor, "n o"]:
        """Add up the directions of the latents that fired.

        `x` is the input the code was read from; only a dictionary with `W_skip` looks at it.
        """
        return sum_rows(code.values, code.support, self.W_dec) + self.base(x)

    def base(self, x: Float[Tensor, "n i"] | None) -> Float[Tensor, "..."]:
        """Return what is rebuilt where nothing fires: the bias, and what is passed straight on."""
        if self.W_skip is None:
            return self.b_dec
        if x is None:
            raise UserError("this dictionary has a skip matrix; pass the input to `decode` too")
        return self.b_dec + x @ self.W_skip.T

    def forward(self, x: Float[Tensor, "n i"]) -> Float[Tensor, "n o"]:
        """Rebuild activations from their codes."""
        return self.decode(self.encode(x), x)
