"""The firings that are taken away: one of each latent drawn, with room for effects behind it.

Axes: s contexts, c tokens in a context, n eligible tokens, q firings drawn.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from unmix.activations.source import Source, held_out
from unmix.evaluation.suite.subject import Firings


class Text(NamedTuple):
    """The held-out contexts."""

    tokens: Int[np.ndarray, "s c"]
    documents: Int[np.ndarray, "s c"]


class Drawn(NamedTuple):
    """Firings of different latents, in the order of their places."""

    latents: Int[np.ndarray, " q"]
    contexts: Int[np.ndarray, " q"]
    places: Int[np.ndarray, " q"]
    acts: Float[np.ndarray, " q"]


def read(source: Source) -> Text:
    """Return the tokens of all held-out contexts."""
    shards = [(shard.tokens.cpu(), shard.documents.cpu()) for shard in held_out(source)]
    tokens, documents = (torch.cat(part).numpy() for part in zip(*shards, strict=True))
    return Text(tokens, documents)


def draw(
    firings: Firings, text: Text, *, count: int, horizon: int, within: int, seed: int
) -> Drawn:
    """Draw latents and a firing of each, among the first `within` tokens of the contexts, with
    `horizon` more tokens of the document behind it.
    """
    rng = np.random.default_rng(seed)
    room = has_room(firings, text, horizon=horizon) & (firings.places[:, 1] < within)
    rows = np.flatnonzero(room[firings.rows])
    latent = np.repeat(np.arange(len(firings.latents) - 1), np.diff(firings.latents))
    rows = rng.permutation(rows)
    latents, first = np.unique(latent[rows], return_index=True)
    kept = rng.permutation(len(latents))[:count]
    which = rows[first[kept]]
    contexts, places = firings.places[firings.rows[which]].T
    order = np.argsort(places, kind="stable")
    made = (latents[kept], contexts, places, firings.values[which])
    return Drawn(*(part[order] for part in made))


def has_room(firings: Firings, text: Text, *, horizon: int) -> Bool[np.ndarray, " n"]:
    """Mark the tokens after which the same document goes on for `horizon` tokens."""
    context, place = firings.places.T
    end = place + horizon
    inside = end < text.tokens.shape[1]
    end = np.minimum(end, text.tokens.shape[1] - 1)
    return inside & (text.documents[context, end] == text.documents[context, place])
