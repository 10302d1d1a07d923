"""Interventions as changes of what the target carries.

    ablate     y + (0 - share act) W_dec[j]       share 1 takes all of its contribution away
    clamp      y + (s - act) W_dec[j]
    add        y + s u                            u = W_dec[j] / ‖W_dec[j]‖
    project    y + (s - <y, u>) u                 the direction removed, and s of it put there

A change is a coefficient a token times a direction.  What a dictionary fails to rebuild stays as it
is: the reconstruction is never put in place.  Several at once: those that need no more than the
acts add up, in any order; projections come after them, in the order given.  Special tokens and
those of massive norm are left alone.

Axes: n tokens, q interventions, d activation width (i in, o out).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from unmix.explorer.api import Intervention
from unmix.explorer.live.forward import encoded
from unmix.explorer.live.session import Session


class Move(NamedTuple):
    """One intervention, ready to be carried out."""

    latent: int
    mode: Literal["ablate", "clamp", "add", "project"]
    strength: float
    """Of `ablate`, the share that is taken away."""


class Change(NamedTuple):
    """What interventions add to the target: coefficients times directions."""

    coefficients: Float[Tensor, "n q"]
    directions: Float[Tensor, "q o"]

    @property
    def delta(self) -> Float[Tensor, "n o"]:
        """What is added at each token."""
        return self.coefficients @ self.directions


def moves_of(session: Session, interventions: Sequence[Intervention]) -> list[Move]:
    """Return interventions as moves, or say which latent there is not."""
    return [
        Move(session.latent(one.latent), one.mode, 1.0 if one.mode == "ablate" else one.strength)
        for one in interventions
    ]


def change_of(
    session: Session,
    moves: Sequence[Move],
    *,
    x: Float[Tensor, "n i"],
    y: Float[Tensor, "n o"],
    keep: Bool[Tensor, " n"],
) -> Change:
    """Return what the moves add where site and target carry `x` and `y`."""
    latents = [move.latent for move in moves]
    acts = encoded(session, x, latents)
    directions = session.dictionary.W_dec[latents].clone()
    for row, move in enumerate(moves):
        if move.mode in ("add", "project"):
            directions[row] /= directions[row].norm().clamp_min(torch.finfo(x.dtype).tiny)
    coefficients = torch.stack([_additive(m, a) for m, a in zip(moves, acts.T, strict=True)], 1)
    for column, move in enumerate(moves):
        if move.mode == "project":
            there = (y + coefficients @ directions) @ directions[column]
            coefficients[:, column] = move.strength - there
    return Change(coefficients * keep[:, None], directions)


def scaled(moves: Sequence[Move], strength: float) -> list[Move]:
    """Return the moves with the leading one at another strength, and the others in proportion.

    The first that takes a strength leads; where all are ablations, they lead together.  Beside a
    leading strength of zero the others keep theirs.
    """
    leader = lead(moves)
    if leader.mode == "ablate":
        return [move._replace(strength=strength) for move in moves]
    by = strength / leader.strength if leader.strength else 1.0
    made = [m if m.mode == "ablate" else m._replace(strength=m.strength * by) for m in moves]
    made[moves.index(leader)] = leader._replace(strength=strength)
    return made


def lead(moves: Sequence[Move]) -> Move:
    """Return the move whose strength a dose-response curve is drawn over."""
    return next((move for move in moves if move.mode != "ablate"), moves[0])


def _additive(move: Move, act: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return the coefficient of a move that needs no more than the act; zero for a projection."""
    if move.mode == "ablate":
        return -move.strength * act
    if move.mode == "clamp":
        return move.strength - act
    return torch.full_like(act, move.strength if move.mode == "add" else 0.0)
