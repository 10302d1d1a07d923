"""A few latents of each dictionary, drawn with a seed, and where they fire.

Latents are drawn among those that fired on training text at all, so nobody picks them; those that
fire too rarely to be measured are counted, not passed over in silence.

Controls: the frozen twin; the *shuffled* control, which moves every firing of the same latents to a
token drawn at random (as many firings, of the same size, for no reason); and the dictionary of a
model of random weights, if the run has one.

Axes: m latents, d activation width, q latents drawn, f firings, r rivals.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from unmix.evaluation.candidates import Candidate, Role
from unmix.evaluation.coded import ABOUT
from unmix.evaluation.suite.detection.corpus import Corpus
from unmix.evaluation.suite.metric import Size
from unmix.evaluation.suite.subject import Firings, Subject

RIVALS = 10
"""Latents of the nearest directions."""
ENOUGH = 10
"""Firings on training text below which no rule is made."""
SHUFFLED = "shuffled firings"


TOKENS: Mapping[Size, Mapping[str, int]] = {
    "quick": {"train": 2**19, "held_out": 2**17},
    "full": {"train": 2**21, "held_out": 2**19},
}
"""Tokens read at most, about."""


class Text(NamedTuple):
    """Both sides of the split; no document is on both."""

    train: Corpus
    held_out: Corpus


class Fired(NamedTuple):
    """Where one latent fired, and how strongly."""

    rows: Int[np.ndarray, " f"]
    """Ascending."""
    acts: Float[np.ndarray, " f"]


class Sample(NamedTuple):
    """Latents drawn from a dictionary, or a control."""

    name: str
    role: Role
    about: str
    n_latents: int
    text: Text
    latents: Int[np.ndarray, " q"]
    train: list[Fired]
    held_out: list[Fired]
    rivals: list[Int[np.ndarray, " _"]]
    """Held-out rows on which a latent of nearly the same direction fires."""


class Drawing(NamedTuple):
    """How many latents are drawn, and how much text is read."""

    latents: int
    train: int
    """Training tokens read at most, about."""
    held_out: int
    seed: int


def drawing(settings: Mapping[str, object]) -> Drawing:
    """Return what the settings of a metric say of it."""
    return Drawing(*(int(str(settings[name])) for name in Drawing._fields))


def samples(subject: Subject, drawing: Drawing) -> Iterator[Sample]:
    """Give the latents drawn from each dictionary of a run, then those of its controls."""
    text = text_of(subject, drawing)
    first = None
    for candidate in subject.coded:
        made = _of(subject, candidate, text, drawing=drawing)
        first = first or made
        yield made
    assert first is not None, "a finished run has a dictionary"
    yield shuffled(first, seed=drawing.seed)
    if (random := subject.random) is not None:
        made = _of(random, random.coded[0], text_of(random, drawing), drawing=drawing)
        yield made._replace(name="random model", role="random", about=ABOUT["random"])


def text_of(subject: Subject, drawing: Drawing) -> Text:
    """Return the text of a run, as rules see it."""
    parts = _firings(subject, subject.coded[0].name, drawing)
    return Text(*(Corpus(f.tokens, f.documents, places=f.places) for f in parts))


def draw(
    candidate: Candidate,
    text: Text,
    *,
    train: Firings,
    held_out: Firings,
    directions: Float[np.ndarray, "m d"],
    count: int,
    seed: int,
) -> Sample:
    """Draw latents among those that fired on training text."""
    alive = np.flatnonzero(np.diff(train.latents))
    order = np.random.default_rng(seed).permutation(len(alive))
    latents = np.sort(alive[order[:count]])
    near = nearest(directions, latents)
    return Sample(
        candidate.name,
        candidate.role,
        candidate.about,
        len(directions),
        text,
        latents,
        [fired(train, j) for j in latents.tolist()],
        [fired(held_out, j) for j in latents.tolist()],
        [_rows_of(held_out, row) for row in near.tolist()],
    )


def shuffled(sample: Sample, *, seed: int) -> Sample:
    """Move every firing to a token drawn at random."""
    rng = np.random.default_rng([seed, 1])
    train, held_out = (rng.permutation(len(side)) for side in sample.text)
    return sample._replace(
        name=SHUFFLED,
        role="baseline",
        about=f"the firings of `{sample.name}`, each moved to a token drawn at random",
        train=[_moved(one, train) for one in sample.train],
        held_out=[_moved(one, held_out) for one in sample.held_out],
    )


def fired(firings: Firings, latent: int) -> Fired:
    """Return where a latent fired."""
    part = slice(int(firings.latents[latent]), int(firings.latents[latent + 1]))
    return Fired(firings.rows[part], firings.values[part])


def nearest(
    directions: Float[np.ndarray, "m d"], latents: Int[np.ndarray, " q"]
) -> Int[np.ndarray, "q r"]:
    """Return the latents whose directions have the largest cosine with those of some."""
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    unit = directions / np.maximum(lengths, 1e-12)
    cosines = unit[latents] @ unit.T
    cosines[np.arange(len(latents)), latents] = -np.inf
    few = min(RIVALS, len(directions) - 1)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :few]


def _of(subject: Subject, candidate: Candidate, text: Text, *, drawing: Drawing) -> Sample:
    """Draw latents of a dictionary of a run, or of its frozen twin."""
    twin = subject.frozen if candidate.role == "frozen" else None
    dictionary = twin or subject.dictionaries[candidate.name]
    train, held_out = _firings(subject, candidate.name, drawing)
    return draw(
        candidate,
        text,
        train=train,
        held_out=held_out,
        directions=dictionary.W_dec.detach().cpu().float().numpy(),
        count=drawing.latents,
        seed=drawing.seed,
    )


def _firings(subject: Subject, name: str, drawing: Drawing) -> tuple[Firings, Firings]:
    return (
        subject.firings(name, "train", tokens=drawing.train),
        subject.firings(name, "held_out", tokens=drawing.held_out),
    )


def _rows_of(firings: Firings, latents: list[int]) -> Int[np.ndarray, " _"]:
    """Return the rows on which any of some latents fires."""
    none = np.zeros(0, np.int32)
    return np.unique(np.concatenate([none, *(fired(firings, j).rows for j in latents)]))


def _moved(one: Fired, to: Int[np.ndarray, " _"]) -> Fired:
    rows = to[one.rows]
    order = np.argsort(rows)
    return Fired(rows[order], one.acts[order])
