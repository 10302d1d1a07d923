"""A text run once through the unchanged model, for all that is then compared with it.

Axes: c tokens, p places, w vocabulary, d activation width (i in, o out).
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.evaluation.shortcut import Recording, recording
from unmix.explorer.live.forward import following, measured, noting
from unmix.explorer.live.prompt import Prompt
from unmix.explorer.live.session import Session

PLACES = 16
"""Tokens after which the distribution of the next one is looked at, evenly spread."""


class Unchanged(NamedTuple):
    """What the unchanged model makes of a text."""

    given: Prompt
    tokens: Int[Tensor, "1 c"]
    keep: Bool[Tensor, " c"]
    """Measured tokens."""
    x: Float[Tensor, "c i"]
    """What the site carries."""
    y: Float[Tensor, "c o"]
    """What the target carries."""
    places: list[int]
    """Measured tokens, the last of the text among them if it is one."""
    before: Float[Tensor, "p w"]
    """Log-probabilities after those places."""
    last: Float[Tensor, "1 w"]
    """Log-probabilities after the last token, measured or not."""
    at: list[int]
    """Where the model's logits were asked for: all of these places, and more."""
    recorded: Recording
    """What the lower blocks gave."""


def unchanged(session: Session, given: Prompt) -> Unchanged:
    """Run the model over a text, and keep what variants of it are compared with."""
    tokens = given.tokens.to(session.model.device)
    plain = (~given.special[0]).nonzero().squeeze(1)
    chosen = torch.linspace(len(plain) - 1, 0, min(PLACES, len(plain))).round().long()
    places = plain[chosen.flip(0)].tolist()
    at = [*places, tokens.shape[1] - 1]
    with recording(session.model.model, session.cut) as recorded, noting(session) as found:
        logs = following(session, tokens, at)[0]
    keep = measured(session, given.special, found)[0]
    good = [row for row, place in enumerate(places) if keep[place]]
    return Unchanged(
        given,
        tokens,
        keep,
        found[session.site][0],
        found[session.target][0],
        [places[row] for row in good],
        logs[good],
        logs[-1:],
        at,
        recorded,
    )
