"""Words read in their lists, and what a probe knows of their first letters.

Axes: n words, d width of the site.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.errors import UserError
from unmix.evaluation.suite.absorption.letters import LETTERS, Words, lists, words
from unmix.evaluation.suite.absorption.probes import Probe, probe
from unmix.evaluation.suite.subject import Subject

KNOWN = 0.6
"""F1 of the probe on test words below which a letter is left out, as in SAEBench."""
ENOUGH = 10
"""Test words below which a letter is left out, too."""


class Read(NamedTuple):
    """Words, what the model makes of them, and how they are divided."""

    words: Words
    x: Float[Tensor, "n d"]
    train: Int[np.ndarray, " _"]
    test: Int[np.ndarray, " _"]


class Told(NamedTuple):
    """What the probe knows of the test words."""

    probe: Probe
    named: Int[np.ndarray, " n"]
    """The letter it names."""
    letters: list[int]
    """The letters it knows well enough to be measured."""


def read_words(subject: Subject, settings: Mapping[str, Any]) -> Read:
    """Read words in their lists, and divide them."""
    seed = int(settings["seed"])
    drawn = words(subject.tokenizer, per_letter=int(settings["words"]), seed=seed)
    asked = lists(subject.reader, drawn)
    subject.report(f"reading {len(drawn.tokens):,} words")
    parts = subject.reader.at(asked.contexts, asked.places)
    x = torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])
    x = x[torch.from_numpy(np.argsort(asked.words))]
    return divided(drawn, x, share=float(settings["train"]))


def divided(drawn: Words, x: Float[Tensor, "n d"], *, share: float) -> Read:
    """Divide each letter's words; they come in random order already."""
    train, test = [], []
    for letter in range(len(LETTERS)):
        rows = np.flatnonzero(drawn.letters == letter)
        cut = round(len(rows) * share)
        train.append(rows[:cut])
        test.append(rows[cut:])
    return Read(drawn, x, np.sort(np.concatenate(train)), np.sort(np.concatenate(test)))


def probed(read: Read) -> Told:
    """Fit the probes and find the letters they know and that have words enough.

    Raises:
        UserError: There are none.
    """
    letters = read.words.letters
    found = probe(read.x[read.train], letters[read.train], count=len(LETTERS))
    named = found.score(read.x[read.test]).argmax(1).numpy()
    truth = letters[read.test]
    known = []
    for letter in range(len(LETTERS)):
        said, there = named == letter, truth == letter
        f1 = 2 * (said & there).sum() / max(said.sum() + there.sum(), 1)
        if there.sum() >= ENOUGH and f1 >= KNOWN:
            known.append(letter)
    if not known:
        raise UserError(
            "a linear probe does not find first letters at this site, or the vocabulary has too few"
            " words, so there is nothing to absorb"
        )
    return Told(found, named, known)
