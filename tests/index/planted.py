"""Acts planted on made-up tokens, as parts on disk: what the merging is tested on."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from unmix.activations.source import About
from unmix.index.making.blocks import Block, Merge
from unmix.index.making.parts import Header, Key, Part, write_part
from unmix.index.making.positions import Positions

CONTEXT = 16


class World(NamedTuple):
    """Everything that was planted, a row a position."""

    acts: Float[np.ndarray, "p m"]
    """Zero where special or massive."""
    token: Int[np.ndarray, " p"]
    document: Int[np.ndarray, " p"]
    special: Bool[np.ndarray, " p"]
    massive: Bool[np.ndarray, " p"]


def world(acts: Float[np.ndarray, "p m"], token: Int[np.ndarray, " p"], *, seed: int = 0) -> World:
    """Return a world whose documents have from 5 to 60 tokens and whose contexts begin special."""
    chance = np.random.default_rng(seed)
    n = len(token)
    document = np.repeat(np.arange(n), chance.integers(5, 60, n))[:n]
    special = np.arange(n) % CONTEXT == 0
    massive = np.arange(n) % (3 * CONTEXT) == 1
    acts = np.where((special | massive)[:, None], 0, acts).astype(np.float32)
    return World(acts, token.astype(np.int32), document.astype(np.int32), special, massive)


def write(folder: Path, made: World, *, shard: int = 20 * CONTEXT) -> list[Key]:
    """Write the parts of a world, the last two of them held out."""
    begins = range(0, len(made.token), shard)
    keys = [Key("train", i) for i in range(len(begins) - 2)]
    keys += [Key("held_out", i) for i in range(2)]
    for key, begin in zip(keys, begins, strict=True):
        rows = slice(begin, begin + shard)
        part = _part(World(*(column[rows] for column in made)))
        about = {
            int(d): About(f"document {d}", "made", {"even": bool(d % 2 == 0)})
            for d in np.unique(made.document[rows])
        }
        write_part(folder, key, part=part, about=about, header=Header(index="", tokens=shard))
    return keys


def merged(folder: Path, made: World, *, acts: int = 2**22) -> tuple[Positions, Merge, list[Block]]:
    """Write a world and merge its parts again."""
    keys = write(folder, made)
    positions = Positions(folder, keys, context=CONTEXT)
    merge = Merge(folder, keys, starts=positions.starts)
    return positions, merge, list(merge.blocks(acts))


def _part(made: World) -> Part:
    """Return the part of some positions, the slow way."""
    n, m = made.acts.shape
    latent, row = np.nonzero(made.acts.T)
    none = np.zeros((3, m), np.int32)
    return Part(
        first=np.searchsorted(latent, np.arange(m + 1)).astype(np.int64),
        row=row.astype(np.int32),
        value=made.acts[row, latent],
        n_special=none[0],
        n_massive=none[1],
        n_first=none[2],
        strongest=np.full((n, 8), -1, np.int32),
        strength=np.zeros((n, 8), np.float32),
        token=made.token,
        document=made.document,
        offset=np.zeros(n, np.int32),
        special=made.special,
        massive=made.massive,
    )
