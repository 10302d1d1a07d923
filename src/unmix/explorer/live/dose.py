"""A dose-response curve: the same interventions at several strengths, beside random directions.

The control keeps the coefficient at every token and puts a random direction of the same length in
the direction's place, eight times over; the least and the greatest of the eight are the interval.

Axes: c tokens, p places, q interventions, v variants, r random directions, w vocabulary,
d activation width (i in, o out).
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.evaluation.logits import divergence
from unmix.explorer.api import Dose
from unmix.explorer.live.forward import PASS, above, adding, encoded, following
from unmix.explorer.live.prompt import of_ids
from unmix.explorer.live.reading import losses, mean
from unmix.explorer.live.session import Session
from unmix.explorer.live.steering import Move, change_of, lead, scaled
from unmix.explorer.live.unchanged import Unchanged, unchanged

WINDOW = 64
"""Tokens the curve is drawn on: the last ones of a longer text."""
RANDOM = 8
"""Random directions."""
SEED = 0
"""Of the random directions."""
POINTS = {
    "ablate": (0.25, 0.5, 0.75, 1.0, 2.0),
    "clamp": (0.0, 0.5, 1.0, 2.0, 4.0),
    "add": (-1.0, -0.5, 0.5, 1.0, 2.0),
    "project": (-1.0, 0.0, 0.5, 1.0, 2.0),
}
"""Default strengths, as multiples of the one given."""
ROWS = 2**9
"""Rows of logits held at once, about."""
SMALL = 0.1
"""Strength for a latent that was given none and is silent: this share of the median norm."""


def curve(
    session: Session,
    base: Unchanged,
    moves: Sequence[Move],
    *,
    strengths: Sequence[float] | None = None,
) -> list[Dose]:
    """Measure the moves at several strengths on the end of a text."""
    ids, head = base.given.ids, base.given.head
    if strengths is not None and not strengths:
        return []
    if len(ids) > WINDOW:
        base = unchanged(session, of_ids(session, [*ids[:head], *ids[head - WINDOW :]]))
    if not base.places:
        return []
    chosen = _default(session, base, moves) if strengths is None else sorted(set(strengths))
    return _doses(session, base, moves, chosen)


def _doses(
    session: Session, base: Unchanged, moves: Sequence[Move], strengths: Sequence[float]
) -> list[Dose]:
    """Measure the moves, and their controls, at every strength."""
    changes = [
        change_of(session, scaled(moves, strength), x=base.x, y=base.y, keep=base.keep)
        for strength in strengths
    ]
    random = _directions(changes[0].directions)
    real = torch.stack([change.delta for change in changes])
    beside = torch.cat([change.coefficients @ random for change in changes])
    every = list(range(base.tokens.shape[1]))
    kl, loss = [], []
    for logs in _variants(session, base, real, every):
        kl.append(_apart(base, logs[0, base.places]))
        loss.append(mean(losses(base.given, logs)))
    controls = [_apart(base, logs[0]) for logs in _variants(session, base, beside, base.places)]
    made = []
    for i, strength in enumerate(strengths):
        those = controls[i * RANDOM : (i + 1) * RANDOM]
        made.append(
            Dose(
                strength=strength,
                kl=kl[i],
                kl_random=sum(those) / RANDOM,
                kl_random_low=min(those),
                kl_random_high=max(those),
                loss=loss[i],
            )
        )
    return made


def _apart(base: Unchanged, after: Float[Tensor, "p w"]) -> float:
    """Return the mean KL after the places of a text; rounding may leave it at -1e-8."""
    return max(0.0, float(divergence(base.before, after).mean()))


def _variants(
    session: Session, base: Unchanged, deltas: Float[Tensor, "v c o"], at: Sequence[int]
) -> Iterator[Float[Tensor, "1 p w"]]:
    """Yield the log-probabilities with each of the changes, running some of them at once."""
    c = base.tokens.shape[1]
    rows = min(PASS // c, ROWS // len(at))
    for some in deltas.split(max(1, rows)):
        lower = above(session, base.recorded, rows=len(some))
        with lower, adding(session, some):
            found = following(session, base.tokens.expand(len(some), -1), at)
        yield from found.split(1)


def _directions(directions: Float[Tensor, "q o"]) -> Float[Tensor, "r q o"]:
    """Return random directions, as long as those given, several times over."""
    generator = torch.Generator().manual_seed(SEED)
    drawn = torch.randn(RANDOM, *directions.shape, generator=generator)
    drawn /= drawn.norm(dim=-1, keepdim=True)
    return drawn.to(directions) * directions.norm(dim=-1, keepdim=True)


def _default(session: Session, base: Unchanged, moves: Sequence[Move]) -> list[float]:
    """Return five strengths around the one given, or around the latent's largest act."""
    leader = lead(moves)
    unit = abs(leader.strength)
    if not unit:
        unit = float(encoded(session, base.x, [leader.latent])[base.keep].abs().max())
    unit = unit or SMALL * session.medians[session.target]
    return [unit * point for point in POINTS[leader.mode]]
