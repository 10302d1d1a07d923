"""The pass over the activations: a shard in, its part out.

Special tokens and those of massive norm are encoded as well, but only counted.  Nothing of the
size tokens times latents is held, however many fire.

Axes: n tokens of a shard, m latents, e entries, a marks, ends: row boundaries.
"""

from typing import NamedTuple, no_type_check

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from unmix.activations.source import SLAB, Shard, eligible
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.kernels.compile import kernel, spread
from unmix.index.making.parts import Part
from unmix.index.making.ranking import insert
from unmix.index.schema import STRONGEST


class Kept(NamedTuple):
    """The acts on eligible rows, row by row."""

    ends: Int[np.ndarray, " ends"]
    """Where each row begins, and the end."""
    latent: Int[np.ndarray, " e"]
    value: Float[np.ndarray, " e"]


def part_of(shard: Shard, dictionary: Dictionary, site: str) -> Part:
    """Encode a shard and sort what fired by latent."""
    keep = eligible(shard, site).cpu().numpy()
    special = shard.special.flatten().cpu().numpy()
    massive = shard.massive[site].cpu().numpy()
    begins = np.arange(len(keep)) % shard.tokens.shape[1] == 0
    marks = np.stack([special, massive & ~special, begins])
    kept, counts = _encoded(shard, dictionary, site, keep=keep, marks=marks)
    first, row, value = _by_latent(kept, dictionary.n_latents)
    strongest, strength = _strongest(kept)
    token, document, offset = (
        column.flatten().int().cpu().numpy()
        for column in (shard.tokens, shard.documents, shard.offsets)
    )
    return Part(
        first=first,
        row=row,
        value=value,
        n_special=counts[0],
        n_massive=counts[1],
        n_first=counts[2],
        strongest=strongest,
        strength=strength,
        token=token,
        document=document,
        offset=offset,
        special=special,
        massive=massive,
    )


def _encoded(
    shard: Shard,
    dictionary: Dictionary,
    site: str,
    *,
    keep: Bool[np.ndarray, " n"],
    marks: Bool[np.ndarray, "a n"],
) -> tuple[Kept, Int[np.ndarray, "a m"]]:
    """Return what fires on the rows to keep, and count what fires on those of each mark."""
    counts = np.zeros((len(marks), dictionary.n_latents), np.int32)
    parts: list[tuple[np.ndarray, ...]] = []
    for begin in range(0, len(keep), SLAB):
        slab = slice(begin, begin + SLAB)
        x = shard.acts[site][slab].to(dictionary.W_enc.device).float()
        with torch.no_grad():
            code = dictionary.encode(x)
        ends, latents, acts = (t.cpu().numpy() for t in (code.offsets, code.latents, code.values))
        latent, value = np.empty(len(acts), np.int32), np.empty(len(acts), np.float32)
        lengths = np.empty(len(code), np.int64)
        there = (keep[slab], marks[:, slab])
        n = sift(ends, latents, acts, *there, counts, lengths, latent, value)
        parts.append((lengths, latent[:n], value[:n]))
    lengths, latent, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Kept(np.concatenate([[0], np.cumsum(lengths)]), latent, value), counts


def _by_latent(
    kept: Kept, m: int
) -> tuple[Int[np.ndarray, " ends"], Int[np.ndarray, " e"], Float[np.ndarray, " e"]]:
    """Return where each latent's acts begin, and rows and acts in that order."""
    first = np.zeros(m + 1, np.int64)
    np.cumsum(np.bincount(kept.latent, minlength=m), out=first[1:])
    row, value = np.empty(len(kept.latent), np.int32), np.empty(len(kept.latent), np.float32)
    place_by_latent(*kept, first[:-1].copy(), row, value)
    return first, row, value


def _strongest(kept: Kept) -> tuple[Int[np.ndarray, "n s"], Float[np.ndarray, "n s"]]:
    """Return the latents that fired most on each row, and their acts."""
    n = len(kept.ends) - 1
    latents = np.full((n, STRONGEST), -1, np.int32)
    values = np.zeros((n, STRONGEST), np.float32)
    spread(pick, n, *kept, latents, values)
    return latents, values


@kernel
@no_type_check
def sift(ends, latents, values, keep, marks, counts, lengths, latent, value):
    """Keep the acts of some rows, less the zeros; count those of marked rows by latent."""
    n = 0
    for i in range(len(keep)):
        begin = n
        for e in range(ends[i], ends[i + 1]):
            if values[e] == 0:
                continue
            for a in range(len(marks)):
                counts[a, latents[e]] += marks[a, i]
            if keep[i]:
                latent[n], value[n] = latents[e], values[e]
                n += 1
        lengths[i] = n - begin
    return n


@kernel
@no_type_check
def place_by_latent(ends, latents, values, place, row, value):
    """Write rows and acts by latent, each latent's in order of rows."""
    for i in range(len(ends) - 1):
        for e in range(ends[i], ends[i + 1]):
            p = place[latents[e]]
            row[p], value[p] = i, values[e]
            place[latents[e]] = p + 1


@kernel
@no_type_check
def pick(start, stop, ends, latents, values, out, acts):
    """Keep each row's largest by magnitude, in order."""
    most = out.shape[1]
    entries, sizes = np.empty(most, np.int64), np.empty(most, np.float32)
    for i in range(start, stop):
        n = 0
        for e in range(ends[i], ends[i + 1]):
            n = insert(entries, sizes, n, e, abs(values[e]))
        for p in range(n):
            out[i, p], acts[i, p] = latents[entries[p]], values[entries[p]]
