"""Whether a dictionary found the features, where they are known.

    world, dictionary -> scores against the truth

A world has no end, so tokens are drawn until their number no longer matters; what moves these
numbers is the seed.  One dictionary's scores therefore have no interval, and `seeds.py` gives one
over several.

Axes: n tokens, d width, m latents, f features.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.dictionaries.code import Code
from unmix.dictionaries.dictionary import Dictionary
from unmix.evaluation import matching
from unmix.evaluation.cofiring import Cofiring
from unmix.evaluation.matching import Pairs
from unmix.evaluation.refine import ratio
from unmix.evaluation.score import Score
from unmix.evaluation.truths import TRUTHS
from unmix.worlds.world import Sample, World

FOUND = 0.9
"""Cosine from which a latent's acts are compared with the size of its feature."""
HELD = 0.5
"""Cosine from which a latent counts as the parent's, where it is asked whether that is silent."""
REFINED = 2048
"""Tokens whose acts are chosen anew."""
APART = 2**41
"""What is added to a seed for tokens to measure on."""


@final
class Energies:
    """Float64 sums that say how well activations are rebuilt, around their own mean."""

    def __init__(self, width: int) -> None:
        self.n = self.counted = 0
        self.x, self.y = (torch.zeros(width, dtype=torch.float64) for _ in range(2))
        self.xx = self.yy = self.xy = self.error = self.ratio = self.l0 = self.true_l0 = 0.0

    def add(self, x: Float[Tensor, "n d"], y: Float[Tensor, "n d"], code: Code, true: Code) -> None:
        """Add a batch and its reconstruction."""
        x, y = x.double().cpu(), y.double().cpu()
        self.n += len(x)
        self.x += x.sum(0)
        self.y += y.sum(0)
        self.xx += float(x.square().sum())
        self.yy += float(y.square().sum())
        self.xy += float((x * y).sum())
        self.error += float((x - y).square().sum())
        norms = x.norm(dim=1)
        there = norms > 1e-6
        self.counted += int(there.sum())
        self.ratio += float((y.norm(dim=1)[there] / norms[there]).sum())
        self.l0 += float(code.l0().double().sum())
        self.true_l0 += float(true.l0().double().sum())

    def found(self) -> dict[str, float]:
        """Return fidelity and the mean numbers of latents and features a token."""
        n = max(1, self.n)
        mean = self.x / n
        total = self.xx - n * float(mean.square().sum())
        out = self.yy - 2 * float(mean @ self.y) + n * float(mean.square().sum())
        cross = self.xy - float(mean @ (self.x + self.y)) + n * float(mean.square().sum())
        fvu = self.error / max(total, 1e-12)
        return {
            "FVU": fvu,
            "explained variance": 1 - fvu,
            "relative bias": out / cross if abs(cross) > 1e-12 else float("nan"),
            "L2 ratio": self.ratio / max(1, self.counted),
            "L0": self.l0 / n,
            "true L0": self.true_l0 / n,
        }


class Seen(NamedTuple):
    """One batch as a dictionary sees it."""

    sample: Sample
    code: Code
    rebuilt: Float[Tensor, "n d"]


def against_truth(
    world: World,
    dictionary: Dictionary,
    *,
    n: int = 65_536,
    batch: int = 4096,
    seed: int = 0,
) -> dict[str, Score]:
    """Return every score of a dictionary against the truth of a world.

    Args:
        n: Tokens to draw; whole batches of them are.
        seed: Decides which; no run learns from them.
    """
    start = time.perf_counter()
    cosines = matching.cosines(dictionary.W_dec.detach(), world.directions).cpu()
    pairs = matching.partners(cosines)
    partner = torch.full((len(cosines),), -1)
    partner[pairs.latents] = pairs.features.where(pairs.cosines > FOUND, -1)
    counts = Cofiring(*cosines.shape, partner=partner)
    energies = Energies(world.width)
    values: dict[str, float] = {}
    for seen in passing(world, dictionary, n=n, batch=batch, seed=seed):
        counts.add(seen.code, seen.sample.code)
        energies.add(seen.sample.x, seen.rebuilt, seen.code, seen.sample.code)
        if not values:
            x, code = seen.sample.x[:REFINED], _first(seen.code, REFINED)
            values["refine ratio"] = ratio(dictionary, x, code)
    values |= energies.found()
    values |= _by_direction(cosines, pairs, world, dictionary)
    values |= _by_firing(counts, cosines) | _by_size(counts)
    values |= _by_forest(counts, pairs, world.parents.cpu())
    seconds = time.perf_counter() - start
    return {
        name: replace(score, value=_known(values[name]), n=counts.n, seconds=seconds)
        for name, score in TRUTHS.items()
        if name in values
    }


def passing(
    world: World, dictionary: Dictionary, *, n: int, batch: int, seed: int = 0
) -> Iterator[Seen]:
    """Yield batches of tokens that no run learns from, as a dictionary sees them."""
    dictionary.eval()
    stream = world.stream(batch, seed=seed + APART)
    for _, sample in zip(range(max(1, n // batch)), stream, strict=False):
        with torch.no_grad():
            code = dictionary.encode(sample.x)
            yield Seen(sample, code, dictionary.decode(code, sample.x))


def _by_direction(
    cosines: Float[Tensor, "m f"], pairs: Pairs, world: World, dictionary: Dictionary
) -> dict[str, float]:
    """Return what directions alone say."""
    found = {
        "MCC": float(pairs.cosines.double().mean()),
        "MMCS": matching.mmcs(cosines),
        "recovered > 0.9": matching.recovered(cosines, 0.9),
        "recovered > 0.8": matching.recovered(cosines, 0.8),
        "uniqueness": matching.uniqueness(cosines),
        "c_dec": matching.c_dec(dictionary.W_dec.detach()),
    }
    if bool((world.parents >= 0).any()):
        directions, parents = world.directions.cpu(), world.parents.cpu()
        up, down = matching.leans(cosines, directions, parents, pairs)
        found |= {"child's lean": up, "parent's lean": down}
    return found


def _by_firing(counts: Cofiring, cosines: Float[Tensor, "m f"]) -> dict[str, float]:
    """Return how well latents tell that features are on."""
    told, accuracy = counts.by_latent(matching.likeness(cosines))
    return {
        "precision": float(told.precision.mean()),
        "recall": float(told.recall.mean()),
        "F1": float(told.f1.mean()),
        "accuracy": float(accuracy.mean()),
        "F1 by feature": float(counts.by_feature()[counts.on > 0].mean()),
        "dead latents": float((counts.fired == 0).double().mean()),
    }


def _by_size(counts: Cofiring) -> dict[str, float]:
    """Return how acts compare with sizes, over all tokens where partners are both on."""
    sums = {name: float(column.sum()) for name, column in counts.named().items()}
    if not sums["both"]:
        return {"slope": float("nan"), "offset": float("nan")}
    return {
        "slope": sums["act_size"] / sums["size_size"],
        "offset": (sums["act"] - sums["size"]) / sums["both"],
    }


def _by_forest(counts: Cofiring, pairs: Pairs, parents: Int[Tensor, " f"]) -> dict[str, float]:
    """Return how often a parent's latent is silent while a child is on, and while it is not."""
    latent = torch.full((len(parents),), -1)
    held = pairs.cosines > HELD
    latent[pairs.features[held]] = pairs.latents[held]
    children = ((parents >= 0) & (counts.on > 0)).nonzero().squeeze(1)
    children = children[latent[parents[children]] >= 0]
    if not len(children):
        return {}
    above = parents[children]
    holder = latent[above]
    both = counts.on[children].double()
    heard = counts.together[holder, children].double()
    alone = (counts.on[above] - counts.on[children]).double()
    heard_alone = counts.together[holder, above].double() - heard
    return {
        "absorption": float((1 - heard / both).mean()),
        "missed alone": float((1 - heard_alone / alone.clamp(min=1))[alone > 0].mean()),
    }


def _first(code: Code, n: int) -> Code:
    """Return the code of the first tokens."""
    offsets = code.offsets[: n + 1]
    end = int(offsets[-1])
    support = type(code.support)(code.latents[:end], offsets, code.n_latents)
    return Code(code.values[:end], support)


def _known(value: float) -> float | None:
    return value if float("-inf") < value < float("inf") else None
