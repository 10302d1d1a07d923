"""What is probed: latents of a dictionary, and what must be beaten.

Axes: n examples, d width of the site, p columns, c columns chosen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.evaluation.candidates import Role
from unmix.evaluation.suite.probing.logistic import spanned
from unmix.evaluation.suite.subject import Subject

Columns: TypeAlias = Any
"""One column for each thing that can be chosen: an array, or scipy's sparse `csc_matrix`."""


class Split(NamedTuple):
    """The rows of a data set that a probe is fitted on, and those it is tried on."""

    train: Int[np.ndarray, " _"]
    """In random order."""
    test: Int[np.ndarray, " _"]


class Sides(NamedTuple):
    """Columns of the examples of a split."""

    train: Columns
    test: Columns


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Probed:
    """Something whose columns a probe reads."""

    name: str
    role: Role
    about: str
    """One sentence."""
    dictionary: Dictionary | None = None
    """Whose latents are the columns; None for the coordinates of the activation."""
    is_drawn: bool = False
    """Whether columns are drawn at random among those that are not zero throughout."""
    is_rotated: bool = False
    """Whether columns are principal components of the training examples."""
    is_whole: bool = False
    """Whether the probe reads all columns at once."""

    def sides(self, x: Float[Tensor, "n d"], parts: Sequence[Split]) -> Iterator[Sides]:
        """Give the columns of each split of some activations."""
        acts = x.double().numpy()
        columns = acts if self.dictionary is None else latents(self.dictionary, x)
        for part in parts:
            train, test = columns[part.train], columns[part.test]
            if self.is_rotated:
                dense = (torch.from_numpy(side)[None] for side in (train, test))
                train, test = (side[0].numpy() for side in spanned(*dense))
            yield Sides(train, test)


def coded(subject: Subject) -> list[Probed]:
    """Return the dictionaries of a run, and its frozen twin."""
    made = []
    for one in subject.coded:
        dictionary = subject.frozen if one.role == "frozen" else subject.dictionaries[one.name]
        made.append(Probed(name=one.name, role=one.role, about=one.about, dictionary=dictionary))
    return made


def drawn(first: Probed) -> Probed:
    """Return latents of a dictionary that are drawn and not chosen."""
    about = f"latents of {first.name} drawn at random among those that fire on training examples"
    return Probed(
        name="random latents",
        role="random",
        about=about,
        dictionary=first.dictionary,
        is_drawn=True,
    )


COORDINATES = Probed(
    name="coordinates",
    role="baseline",
    about="coordinates of the activation, chosen in the same way as latents",
)
COMPONENTS = Probed(
    name="PCA",
    role="linear",
    about="principal components of the training examples, chosen in the same way as latents",
    is_rotated=True,
)
EVERYTHING = Probed(
    name="everything",
    role="baseline",
    about="the whole activation whatever k, its penalty chosen on training examples",
    is_whole=True,
)


def latents(dictionary: Dictionary, x: Float[Tensor, "n d"]) -> Columns:
    """Return the acts of a dictionary, a column a latent."""
    with torch.no_grad():
        code = dictionary.encode(x.to(dictionary.W_enc)).fired()
    parts = (code.values, code.latents, code.offsets)
    values, where, offsets = (part.cpu().numpy() for part in parts)
    values = values.astype(np.float64)
    return csr_matrix((values, where, offsets), shape=(len(x), dictionary.n_latents)).tocsc()


def by_difference(
    columns: Columns, y: Bool[np.ndarray, " n"], *, most: int
) -> Int[np.ndarray, " c"]:
    """Return the columns whose mean differs most between the classes, the first one first."""
    weights = np.where(y, 1 / max(y.sum(), 1), -1 / max((~y).sum(), 1))
    difference = np.abs(columns.T @ weights)
    return np.argsort(-difference, kind="stable")[:most]


def at_random(columns: Columns, *, most: int, seed: int) -> Int[np.ndarray, " c"]:
    """Draw columns among those that are not zero throughout."""
    there = np.flatnonzero(np.abs(columns).sum(0))
    rng = np.random.default_rng(seed)
    return rng.permutation(there)[:most]


def taken(
    columns: Columns, chosen: Int[np.ndarray, " c"], *, width: int
) -> Float[np.ndarray, "n p"]:
    """Return the chosen columns, and zeros where there are fewer than `width`."""
    part = columns[:, chosen]
    dense = part if isinstance(part, np.ndarray) else part.toarray()
    return np.pad(dense, ((0, 0), (0, width - dense.shape[1])))
