"""Text of random words, and latents that fire by rules we chose."""

from collections.abc import Sequence
from typing import final

import numpy as np

from unmix.evaluation.candidates import Candidate, Rebuilt
from unmix.evaluation.suite.detection.corpus import Corpus
from unmix.evaluation.suite.detection.sample import Sample, Text, draw
from unmix.evaluation.suite.subject import Firings

VOCABULARY = 40
CONTEXT = 64
EXACT, PAIR, SET, AFTER, RANDOM = range(5)
"""Fires on token 7; on 9 after 5; on 11, 12 and 13; on whatever follows 20; anywhere."""


@final
class Words:
    """A tokenizer whose tokens are words: `w7` is token 7."""

    bos_token_id = None
    all_special_ids: Sequence[int] = ()

    def convert_ids_to_tokens(self, ids: list[int]) -> str | list[str]:
        return [f"▁w{i}" for i in ids]


def tokens(n: int, *, seed: int) -> np.ndarray:
    """Return random tokens; 9 comes after 5 in every third place where 5 stands."""
    made = np.random.default_rng(seed).integers(0, VOCABULARY, n).astype(np.int32)
    fives = np.flatnonzero(made[:-1] == 5)[::3]
    made[fives + 1] = 9
    return made


def fires(made: np.ndarray, *, seed: int) -> np.ndarray:
    """Return which of the five latents fires where, `[n, 5]`; contexts begin anew."""
    before = np.roll(made, 1)
    before[::CONTEXT] = -1
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            made == 7,
            (made == 9) & (before == 5),
            np.isin(made, [11, 12, 13]),
            before == 20,
            rng.random(len(made)) < 0.03,
        ],
        axis=1,
    )


def firings(n: int, *, seed: int, first: int = 0) -> Firings:
    """Return the firings on `n` tokens, one document a context, acts from 1 to 2."""
    made = tokens(n, seed=seed)
    latents, rows = np.nonzero(fires(made, seed=seed + 1).T)
    places = np.stack([np.arange(n) // CONTEXT, np.arange(n) % CONTEXT], axis=1)
    acts = 1 + np.random.default_rng(seed + 2).random(len(rows))
    ends = np.cumsum(np.bincount(latents, minlength=5))
    return Firings(
        made,
        (first + places[:, 0]).astype(np.int32),
        places.astype(np.int32),
        np.concatenate([[0], ends]).astype(np.int64),
        rows.astype(np.int32),
        acts.astype(np.float32),
    )


def text_of(*sides: Firings) -> Text:
    return Text(*(Corpus(f.tokens, f.documents, places=f.places) for f in sides))


def sample(*, seed: int = 0, n: int = 12_800) -> Sample:
    """Return all five latents, on text of which half is held out."""
    train, held_out = firings(n, seed=seed), firings(n, seed=seed + 10, first=1000)
    text = text_of(train, held_out)
    directions = np.eye(5, 8, dtype=np.float32)
    given = {"train": train, "held_out": held_out, "directions": directions}
    return draw(candidate(), text, **given, count=5, seed=0)


def candidate(name: str = "planted") -> Candidate:
    def rebuild(x: object) -> Rebuilt:
        raise AssertionError("nothing is rebuilt here")

    about = {"about": "planted", "site": "a", "target": "a"}
    return Candidate(name=name, role="dictionary", rebuild=rebuild, **about)
