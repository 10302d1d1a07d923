"""What interventions do to the next token: its distribution, and a curve over their strength.

    KL = sum_v p(v) log(p(v) / q(v)),  p before and q after, in nats

Axes: c tokens, v vocabulary, k tokens shown.
"""

import time
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.evaluation.logits import divergence
from unmix.explorer.api import Change, EffectOf, Intervention
from unmix.explorer.live.dose import curve
from unmix.explorer.live.forward import above, adding, following
from unmix.explorer.live.prompt import prompt, readable
from unmix.explorer.live.session import Session
from unmix.explorer.live.steering import change_of, moves_of
from unmix.explorer.live.unchanged import unchanged

CHANGES = 30
"""Tokens listed whose probability changes."""


def effect(
    session: Session,
    text: str,
    interventions: Sequence[Intervention],
    *,
    strengths: Sequence[float] | None = None,
) -> EffectOf:
    """Say what interventions at every measured token of a text do to the token that follows it.

    Args:
        session: The run.
        text: The text.
        interventions: What is done, all at once.
        strengths: Points of the curve; by default five around the strength given.

    Raises:
        UserError: The text cannot be read, there is no such latent, or the model breaks down.
    """
    start = time.perf_counter()
    moves = moves_of(session, interventions)
    base = unchanged(session, prompt(session, text))
    delta = change_of(session, moves, x=base.x, y=base.y, keep=base.keep).delta
    with above(session, base.recorded, rows=1), adding(session, delta[None]):
        # After the same places, so that the logits are rounded alike.
        after = following(session, base.tokens, base.at)[0][-1:]
    return EffectOf(
        changes=_changes(session, base.last[0], after[0]),
        kl=max(0.0, float(divergence(base.last, after))),  # rounding may leave -1e-8
        curve=curve(session, base, moves, strengths=strengths),
        seconds=time.perf_counter() - start,
    )


def _changes(
    session: Session, before: Float[Tensor, " v"], after: Float[Tensor, " v"]
) -> list[Change]:
    """Return the tokens whose probability changes most."""
    n = min(len(session.model.tokenizer), len(before))  # some models are padded beyond the tokens
    old, new = before[:n].exp(), after[:n].exp()
    logit = after[:n] - before[:n]
    logit -= logit.mean()
    top = (new - old).abs().topk(min(CHANGES, n)).indices
    columns = torch.stack([old, new, logit])[:, top].tolist()
    ids = top.tolist()
    texts = [readable(session.model.tokenizer, [token])[0] for token in ids]
    return [
        Change(token=token, text=text, before=was, after=now, logit=moved)
        for token, text, was, now, moved in zip(ids, texts, *columns, strict=True)
    ]
