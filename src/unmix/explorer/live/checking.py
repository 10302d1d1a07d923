"""A latent's stored acts, and the acts of the activations that the model gives now.

A stored act differs from one computed now by rounding: the activation was kept in the precision of
the store (relative error `u_s` a coordinate), and the model's products round differently with each
shape of a batch (`u_m`, once for each of the two parts of each block below the site):

    noise = SPREAD (u_s ‖w ∘ x‖ + u_m sqrt(2 blocks) ‖w‖ ‖x‖ / sqrt(d)),   w = W_enc[j]

which is `SPREAD` standard deviations of that error in `pre`, if errors are independent and none is
larger than its layer's output can make it.  Near a threshold such an error decides whether a latent
fires at all; so where only one of the two acts is zero, the other is held against the act on the
activation moved along `w` by the noise, either way.

Axes: n positions, d activation width (i in).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.sparsity import Gated
from unmix.evaluation.shortcut import find_cut
from unmix.explorer.api import Checked
from unmix.explorer.live.forward import NOTHING, as_far_as_site, batches, encoded, filled
from unmix.explorer.live.prompt import context_of, is_eligible
from unmix.explorer.live.session import Session
from unmix.index.windows import acts_at
from unmix.models.load import DTYPES, MIXED
from unmix.models.sites import blocks

SPREAD = 3.0
"""Standard deviations of the rounding error that a stored act may be off by."""


def check(session: Session, latent: int, positions: Sequence[int]) -> list[Checked]:
    """Compute a latent's acts at some positions again and compare them with those stored.

    Raises:
        UserError: There is no such latent or position, or no index.
    """
    session.latent(latent)
    contexts = [context_of(session, position).ids for position in positions]
    x = torch.empty(len(positions), session.dictionary.d_in)
    for some in batches([len(context) for context in contexts]):
        rows = filled([contexts[i] for i in some])
        carried = as_far_as_site(session, rows, prefix=NOTHING)
        x[some] = carried[range(len(some)), [len(contexts[i]) - 1 for i in some]].cpu()
    stored = acts_at(session.index.codes(latent), torch.tensor(positions).numpy())
    return _compared(session, latent, positions, x=x, stored=torch.from_numpy(stored).float())


def _compared(
    session: Session,
    latent: int,
    positions: Sequence[int],
    *,
    x: Float[Tensor, "n i"],
    stored: Float[Tensor, " n"],
) -> list[Checked]:
    """Compare stored acts with those of activations read now."""
    kept = DTYPES[session.index.manifest.identity["dtype"]]
    x = x.to(kept).float().to(session.model.device)
    w = session.dictionary.W_enc[latent]
    noise = _noise(session, x, w)
    along = w / w.square().sum()
    known = is_eligible(session, positions)
    low, now, high = (
        encoded(session, x + side * noise[:, None] * along, [latent])[:, 0].cpu() * known
        for side in (-1, 0, 1)
    )
    room = noise.cpu() * _slope(session, latent)
    near = (torch.stack([low, high]) - stored).abs().amin(0) <= 2 * room
    agrees = ((now - stored).abs() <= room) | (((now == 0) != (stored == 0)) & near)
    largest = torch.maximum(now.abs(), stored.abs())
    apart = (now - stored).abs() / largest.clamp_min(torch.finfo(x.dtype).tiny)
    columns = (stored.tolist(), now.tolist(), apart.tolist(), agrees.tolist())
    return [
        Checked(position=position, stored=was, now=value, difference=difference, agrees=good)
        for position, was, value, difference, good in zip(positions, *columns, strict=True)
    ]


def _noise(
    session: Session, x: Float[Tensor, "n i"], w: Float[Tensor, " i"]
) -> Float[Tensor, " n"]:
    """Return how far rounding may move `pre`; see the head of this file."""
    kept = DTYPES[session.index.manifest.identity["dtype"]]
    ran = session.index.manifest.identity["model_dtype"]
    run, site = torch.bfloat16 if ran == MIXED else DTYPES[ran], session.sites[session.site]
    below = find_cut(session.model.model, [(site.module, site.side == "output")])
    n_blocks = len(blocks(session.model.model)[1]) if below is None else below.index + 1
    by_store = _roundoff(kept) * (x * w).norm(dim=1)
    by_model = _roundoff(run) * (2 * n_blocks / len(w)) ** 0.5 * w.norm() * x.norm(dim=1)
    return SPREAD * (by_store + by_model)


def _roundoff(dtype: torch.dtype) -> float:
    """Return the largest relative error of rounding to a precision."""
    return torch.finfo(dtype).eps / 2


def _slope(session: Session, latent: int) -> float:
    """Return by how much an act moves for each unit of `pre`."""
    sparsity = session.dictionary.sparsity
    return float(sparsity.r_mag.exp()[latent]) if isinstance(sparsity, Gated) else 1.0
