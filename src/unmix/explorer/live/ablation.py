"""What taking a latent away truly does, at single tokens of the index.

The effect at position p is on the distribution of the token that follows it, where the target
carries `y_p - act W_dec[j]` in the place of `y_p`, at p alone: through all that comes after in the
network, not only along the direct path to the logits.

Axes: v vocabulary.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.evaluation.logits import divergence
from unmix.evaluation.shortcut import recording
from unmix.explorer.api import TokenEffect
from unmix.explorer.live.forward import (
    above,
    adding,
    batches,
    encoded,
    filled,
    following,
    noting,
)
from unmix.explorer.live.prompt import context_of, is_eligible
from unmix.explorer.live.session import Session


def ablate(session: Session, latent: int, positions: Sequence[int]) -> list[TokenEffect]:
    """Take a latent's contribution away at single tokens, and run the rest of the network.

    Raises:
        UserError: There is no such latent or position, or no index.
    """
    session.latent(latent)
    contexts = [context_of(session, position).ids for position in positions]
    made: dict[int, TokenEffect] = {}
    for some in batches([len(context) for context in contexts]):
        where, rows = [positions[i] for i in some], [contexts[i] for i in some]
        made |= zip(some, _ablated(session, latent, where, rows), strict=True)
    return [made[i] for i in range(len(positions))]


def _ablated(
    session: Session, latent: int, positions: Sequence[int], contexts: Sequence[list[int]]
) -> list[TokenEffect]:
    """Run some contexts as they are, and with the latent taken away at the last token of each."""
    tokens = filled(contexts).to(session.model.device)
    rows, last = list(range(len(contexts))), [len(context) - 1 for context in contexts]
    places = sorted(set(last))
    column = [places.index(place) for place in last]
    with recording(session.model.model, session.cut) as recorded, noting(session) as found:
        before = following(session, tokens, places)[rows, column]
    x = found[session.site][rows, last]
    act = encoded(session, x, [latent]) * is_eligible(session, positions)[:, None].to(x.device)
    delta = torch.zeros_like(found[session.target])
    delta[rows, last] = -act * session.dictionary.W_dec[latent]
    with above(session, recorded, rows=len(rows)), adding(session, delta):
        after = following(session, tokens, places)[rows, column]
    moved = divergence(before, after).clamp_min(0).tolist()  # rounding may leave -1e-8
    return [
        TokenEffect(position=position, loss=_lost(session, position, before[i], after[i]), kl=kl)
        for i, (position, kl) in enumerate(zip(positions, moved, strict=True))
    ]


def _lost(
    session: Session, position: int, before: Float[Tensor, " v"], after: Float[Tensor, " v"]
) -> float | None:
    """Return the change of the next token's loss; None where the document ends."""
    tokens = session.index.tokens
    for other in range(position + 1, min(position + 3, len(tokens.token))):
        same = tokens.document[other] == tokens.document[position]
        if same and tokens.offset[other] == tokens.offset[position] + 1:
            token = int(tokens.token[other])
            return None if tokens.special[other] else float(before[token] - after[token])
    return None
