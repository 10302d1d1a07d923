"""Parts in, the files of an index out.

Axes: m latents, b latents of a block, q neighbours, v token ids.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.evaluation.examples import direct_unembedding
from unmix.index import schema
from unmix.index.making import directions, labels, logits
from unmix.index.making.blocks import Merge
from unmix.index.making.classes import classes_of
from unmix.index.making.cofiring import Cofiring, Near
from unmix.index.making.parts import Key
from unmix.index.making.positions import Positions, write_strongest, write_text
from unmix.index.making.rules import TRIED, Rules, rules_of
from unmix.index.making.statistics import Columns, Statistics
from unmix.index.making.tables import lists, write, writing
from unmix.models.load import LanguageModel
from unmix.text.spelling import token_bytes

Report = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Is told how much is done, and how much there is."""


class Merged(NamedTuple):
    """What was counted on the way."""

    n_tokens: int
    n_eligible: int
    n_documents: int
    n_acts: int
    sampled: int
    """Tokens on which firing together was counted."""
    has_logits: bool


def merge(
    folder: Path,
    keys: Sequence[Key],
    *,
    dictionary: Dictionary,
    model: LanguageModel,
    target: str,
    context: int,
    umap: bool = False,
    report: Report = lambda _: None,
    progress: Progress = lambda *_: None,
) -> Merged:
    """Write every file of an index from its parts, but the manifest.

    Args:
        folder: The index.
        keys: Its parts, in the order of positions.
        target: The site the dictionary writes to.
        umap: Whether to draw a map by UMAP, too.
        report: Is told in words what is being done.
        progress: Is told the acts written and the acts in all.
    """
    positions = Positions(folder, keys, context=context)
    parts = Merge(folder, keys, starts=positions.starts)
    # Tokens that were added may have numbers beyond the count of all.
    n_words = max(len(model.tokenizer), int(positions.token.max()) + 1)
    spelt = token_bytes(model.tokenizer, range(n_words))
    report("writing tokens and documents")
    write_text(folder, positions, spelt=spelt)
    write_strongest(folder, keys)
    report("writing acts and counting what they say")
    n_acts = int(parts.totals.n_fired.sum())
    pairs = Cofiring(
        len(positions),
        l0=n_acts / max(positions.n_eligible, 1),
        context=context,
        n_latents=dictionary.n_latents,
    )
    columns = _codes(folder, parts, positions, pairs=pairs, spelt=spelt, progress=progress)
    columns |= _counts(parts)
    head = direct_unembedding(model, target, width=dictionary.d_out)
    columns |= _directions(
        folder, dictionary, head, pairs=pairs, squares=columns["energy"], umap=umap, report=report
    )
    write(folder / "latents.parquet", {c.name: c.type for c in schema.LATENTS}, columns)
    n = (len(positions), positions.n_eligible, len(positions.documents), n_acts)
    return Merged(*n, pairs.tokens, head is not None)


def _codes(
    folder: Path,
    parts: Merge,
    positions: Positions,
    *,
    pairs: Cofiring,
    spelt: Sequence[bytes],
    progress: Progress,
) -> dict[str, Any]:
    """Write every act, and return what the acts say of each latent."""
    statistics = Statistics(positions, n_words=len(spelt))
    kinds = classes_of(positions, n_words=len(spelt))
    counted, found = [], []
    with writing(folder / "codes.parquet", schema.CODES) as writer:
        for block in parts.blocks():
            writer.write({"latent": block.latent, "position": block.position, "value": block.value})
            pairs.add(block)
            counted.append(statistics.of(block))
            found.append(rules_of(block, positions, kinds))
            progress(writer.rows, int(parts.totals.n_fired.sum()))
    columns = {name: np.concatenate([c[name] for c in counted]) for name in counted[0]}
    rules = Rules(*(np.concatenate(column) for column in zip(*found, strict=True)))
    columns |= {f"rule_{name}": getattr(rules, name) for name in TRIED}
    return columns | labels.columns(rules, kinds, spelt)


def _counts(parts: Merge) -> Columns:
    """Return the columns that are plain counts of the parts."""
    totals = parts.totals
    m = len(totals.n_fired)
    every = totals.n_fired + totals.n_special + totals.n_massive
    share = np.divide(totals.n_first, every, out=np.full(m, np.nan), where=every > 0)
    return {
        "latent": np.arange(m),
        "first_row": np.cumsum(totals.n_fired) - totals.n_fired,
        "n_special": totals.n_special,
        "n_massive": totals.n_massive,
        "share_first": share,
    }


def _directions(
    folder: Path,
    dictionary: Dictionary,
    head: Float[Tensor, "v d"] | None,
    *,
    pairs: Cofiring,
    squares: Float[np.ndarray, " m"],
    umap: bool,
    report: Report,
) -> Columns:
    """Write neighbours and logits; return the columns that follow from the directions."""
    report("comparing directions")
    unit = directions.unit(dictionary.W_dec)
    columns = _weights(dictionary, squares)
    columns |= _maps(unit, umap=umap)
    columns |= _neighbours(folder, unit, pairs)
    report("following directions to the logits")
    return columns | _logits(folder, dictionary.W_dec, head)


def _weights(dictionary: Dictionary, squares: Float[np.ndarray, " m"]) -> Columns:
    """Return what the weights say of each latent, and its share of what is rebuilt."""
    norm = directions.lengths(dictionary).double().cpu().numpy()
    energy = squares * norm**2
    return {
        "norm": norm,
        "encoder_cosine": directions.encoder_cosine(dictionary).cpu().numpy(),
        "energy": energy / max(energy.sum(), 1e-300),
    }


def _maps(unit: Float[Tensor, "m d"], *, umap: bool) -> Columns:
    """Return the coordinates of both maps."""
    place = directions.principal_map(unit).cpu().numpy()
    other = directions.umap_map(unit).numpy() if umap else np.full_like(place, np.nan)
    return {"x": place[:, 0], "y": place[:, 1], "umap_x": other[:, 0], "umap_y": other[:, 1]}


def _neighbours(folder: Path, unit: Float[Tensor, "m d"], pairs: Cofiring) -> Columns:
    """Write the neighbours of both kinds; return how near the nearest is."""
    others, cosines = directions.nearest(unit)
    firing, together = pairs.near(others)
    kinds = {"direction": Near(others, cosines, together), "firing": firing}
    m, most = others.shape
    kind = np.broadcast_to(np.array(list(kinds), object)[None, :, None], (m, 2, most))
    columns = {
        name: np.stack([getattr(near, name) for near in kinds.values()], axis=1)
        for name in Near._fields
    }
    there = columns["other"] >= 0
    rank = np.broadcast_to(np.arange(most), there.shape)
    latent = np.broadcast_to(np.arange(m)[:, None, None], there.shape)
    columns |= {"latent": latent, "kind": kind, "rank": rank}
    write(
        folder / "neighbours.parquet",
        schema.NEIGHBOUR,
        {name: column[there] for name, column in columns.items()},
    )
    return {"nearest_direction": cosines[:, 0], "nearest_firing": firing.score[:, 0]}


def _logits(
    folder: Path, W_dec: Float[Tensor, "m d"], head: Float[Tensor, "v d"] | None
) -> Columns:
    """Write what the directions do to the logits; return its moments."""
    moments = [np.full((0, len(logits.MOMENTS)), np.nan)]
    begin = 0
    with (
        writing(folder / "logits.parquet", schema.LOGITS) as effects,
        writing(folder / "logit_counts.parquet", schema.LOGIT_COUNTS) as counts,
    ):
        for found in logits.effects(W_dec, head) if head is not None else ():
            moments.append(found.moments)
            effects.write(_sides(found, begin))
            low, high = found.lowered[:, 0], found.raised[:, 0]
            counts.write({"low": low, "high": high, "counts": lists(found.counts)})
            begin += len(found.moments)
    if head is None:
        moments.append(np.full((len(W_dec), len(logits.MOMENTS)), np.nan))
    return dict(zip(logits.MOMENTS, np.concatenate(moments).T, strict=True))


def _sides(found: logits.Effects, begin: int) -> dict[str, np.ndarray]:
    """Return the rows of `logits` of a few latents: those written for, then those against."""
    token = np.stack([found.up, found.down], axis=1)
    logit = np.stack([found.raised, found.lowered], axis=1)
    b, sides, n = token.shape
    latent = np.broadcast_to(np.arange(begin, begin + b)[:, None, None], token.shape)
    side = np.broadcast_to(np.array([1, -1])[None, :, None], token.shape)
    rank = np.broadcast_to(np.arange(n), (b, sides, n))
    columns = {"latent": latent, "side": side, "rank": rank, "token": token, "logit": logit}
    return {name: column.ravel() for name, column in columns.items()}
