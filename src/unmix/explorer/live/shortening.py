"""Which context a latent needs at a token.

The shortest ending of the text that keeps a share of the act: endings of 1, 2, ... tokens are tried
until one suffices; beyond `EXACT` tokens each try is an eighth longer than the last, and the
length between the last two is found by halving.  A shorter ending among those that were skipped is
missed only where the act rises and falls again.

What single tokens are worth: the act with each of the last `NEAR` tokens left out.  What comes
before them is read once.

Axes: n rows, d activation width (i in).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.errors import UserError
from unmix.explorer.api import Shortened
from unmix.explorer.live.forward import (
    NOTHING,
    PASS,
    as_far_as_site,
    batches,
    encoded,
    filled,
    measured,
)
from unmix.explorer.live.prompt import Prompt, context_of, prompt, readable
from unmix.explorer.live.session import Session

EXACT = 64
"""Tokens up to which every length is tried."""
AT_ONCE = 16
"""Lengths tried at once."""
NEAR = 64
"""Tokens that are left out one by one."""


class _Place(NamedTuple):
    """A latent at the last token of a context."""

    ids: list[int]
    head: int
    """Tokens at the beginning that every ending keeps."""
    latent: int
    sign: float
    """Of the act."""


def shorten(
    session: Session, text: str, latent: int, *, token_index: int | None = None, keep: float = 0.8
) -> Shortened:
    """Find the shortest ending of a text that keeps a latent on.

    Args:
        session: The run.
        text: The text.
        latent: The latent.
        token_index: The token looked at; by default the one where the latent is strongest.
        keep: Share of the act that must remain.

    Raises:
        UserError: The text cannot be read, or the latent does not fire there.
    """
    given = prompt(session, text)
    if token_index is not None and token_index >= len(given.ids):
        last = len(given.ids) - 1
        raise UserError(f"there is no token {token_index}; the last of the text is {last}")
    session.latent(latent)
    place = _strongest(session, given, latent) if token_index is None else token_index
    return _shortened(session, given.ids[: place + 1], given.head, latent, keep=keep)


def shorten_at(session: Session, position: int, latent: int, *, keep: float = 0.8) -> Shortened:
    """Find the shortest ending of what comes before a position of the index, as `shorten` does."""
    given = context_of(session, position)
    return _shortened(session, given.ids, given.head, session.latent(latent), keep=keep)


def _shortened(
    session: Session, ids: list[int], head: int, latent: int, *, keep: float
) -> Shortened:
    """Try endings, then tokens."""
    place = _Place(ids, head, latent, 1.0)
    body = len(ids) - head
    (act,) = _acts_of_endings(session, place, [body]) if body else [0.0]
    if act == 0:
        raise UserError(f"latent {latent} does not fire on that token; choose one on which it does")
    place = place._replace(sign=1.0 if act > 0 else -1.0)
    length, kept = _shortest(session, place, enough=keep * abs(act))
    tried = max(head, len(ids) - 1 - NEAR)
    without = _without(session, place, tried)
    return Shortened(
        tokens=readable(session.model.tokenizer, ids),
        act=act,
        kept_from=len(ids) - length,
        kept_act=kept,
        without=[*[act] * tried, *without, act],
        tried_from=tried,
    )


def _shortest(session: Session, place: _Place, *, enough: float) -> tuple[int, float]:
    """Return the length of the shortest ending that keeps enough, and its act."""
    body = len(place.ids) - place.head
    exact = min(EXACT, body)
    for first in range(1, exact + 1, AT_ONCE):
        lengths = list(range(first, min(first + AT_ONCE, exact + 1)))
        for length, act in zip(lengths, _acts_of_endings(session, place, lengths), strict=True):
            if length == body or act * place.sign >= enough:
                return length, act
    low, high, kept = exact, exact, 0.0
    while kept * place.sign < enough and high < body:
        low, high = high, min(body, high + max(1, high // 8))
        (kept,) = _acts_of_endings(session, place, [high])
    while high - low > 1:
        middle = (low + high) // 2
        (act,) = _acts_of_endings(session, place, [middle])
        low, high, kept = (low, middle, act) if act * place.sign >= enough else (middle, high, kept)
    return high, kept


def _without(session: Session, place: _Place, first: int) -> list[float]:
    """Return the act with each token from `first` on left out, but for the last."""
    near = place.ids[first:]
    rows = [near[:i] + near[i + 1 :] for i in range(len(near) - 1)]
    prefix = torch.tensor(place.ids[:first], dtype=torch.int64)
    size = max(1, PASS // len(near))
    made: list[float] = []
    for begin in range(0, len(rows), size):
        x = as_far_as_site(session, filled(rows[begin : begin + size]), prefix=prefix)
        made += _acts(session, x[:, -1], place)
    return made


def _acts_of_endings(session: Session, place: _Place, lengths: Sequence[int]) -> list[float]:
    """Return the act at the last token with only so many tokens before it, itself included."""
    rows = [place.ids[: place.head] + place.ids[len(place.ids) - n :] for n in lengths]
    made = [0.0] * len(rows)
    for some in batches([len(row) for row in rows]):
        x = as_far_as_site(session, filled([rows[i] for i in some]), prefix=NOTHING)
        last = x[range(len(some)), [len(rows[i]) - 1 for i in some]]
        for i, act in zip(some, _acts(session, last, place), strict=True):
            made[i] = act
    return made


def _acts(session: Session, x: Float[Tensor, "n i"], place: _Place) -> list[float]:
    """Return the latent's acts on activations of the last token; zero where they are massive."""
    special = torch.zeros(len(x), 1, dtype=torch.bool)
    keep = measured(session, special, {session.site: x[:, None]})[:, 0]
    return (encoded(session, x, [place.latent])[:, 0] * keep).tolist()


def _strongest(session: Session, given: Prompt, latent: int) -> int:
    """Return the index of the token at which a latent is strongest."""
    x = as_far_as_site(session, given.tokens, prefix=NOTHING)
    keep = measured(session, given.special, {session.site: x})[0]
    return int((encoded(session, x[0], [latent])[:, 0] * keep).abs().argmax())
