"""Sparse codes in float32 on a CPU: tensors in, tensors out, compiled loops between.

Axes: n tokens, m latents, d width, o output width, e entries, p prefixes, ends: row boundaries.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Int8, UInt8
from torch import Tensor

from unmix.dictionaries.kernels import DENSE, plain, products_cpu, select_cpu, update_cpu
from unmix.dictionaries.kernels.compile import balanced, spread
from unmix.dictionaries.kernels.plain import Found
from unmix.dictionaries.kernels.screen import Scores, scores

SCREEN = 1 / 24
"""Share of the latents above which keeping so many is not worth an estimate first."""
ROOM = 8
"""Entries there is room for in a row, in multiples of those expected."""
SPARE = 1.25
"""How many times too many a guessed threshold is meant to let through: few guesses are too high,
and their pass repeated."""
SAMPLE, SAMPLE_TOKENS = 2**18, 256
"""Pre-activations a guess is made from, and tokens they are of."""


def largest(
    x: Float[Tensor, "n d"], W: Float[Tensor, "m d"], b: Float[Tensor, " m"], k: int, by_size: bool
) -> Found:
    """Return the `k` largest of each row."""
    n, m = len(x), len(W)
    x, W, b = _bare(x), _bare(W), _bare(b)
    values, latents = torch.empty(n, k), torch.empty(n, k, dtype=torch.int64)
    failed, no_low = 0, np.zeros(m, np.float32)
    for part in scores(x, W, screened=k <= SCREEN * m):
        rows, at = len(part.s), slice(part.begin, part.begin + len(part.s))
        given, floor = _given(part, x[at], W, b), np.empty(rows, np.float32)
        spread(select_cpu.guess, rows, *given, k, by_size, floor)
        found = _room(rows, min(m, ROOM * k + 64))
        spread(select_cpu.above, rows, *given, no_low, floor, by_size, part.exact, *found)
        kept = (latents[at].numpy(), values[at].numpy())
        failed += sum(spread(select_cpu.keep, rows, *found, k, by_size, *kept))
    if failed:
        again = (latents[:, 0] < 0).nonzero().squeeze(1)
        _, picked, offsets = plain.largest(x[again], W, b, k, by_size)
        latents[again] = picked.view(-1, k)
        values[again] = (dots(x[again], W, picked, offsets) + b[picked]).view(-1, k)
    return values.flatten(), latents.flatten(), torch.arange(0, n * k + 1, k)


def above(
    x: Float[Tensor, "n d"],
    W: Float[Tensor, "m d"],
    b: Float[Tensor, " m"],
    low: Float[Tensor, " m"],
) -> Found:
    """Return all that exceed the `low` of their latent."""
    x, W, b, low = _bare(x), _bare(W), _bare(b), _bare(low)
    if len(x) == 0:
        return plain.above(x, W, b, low)
    sample, needed = _sample(x, W, b, low)
    share = float((sample > needed).float().mean())
    return _above(x, W, b, low, expected=share)


def largest_of_batch(
    x: Float[Tensor, "n d"], W: Float[Tensor, "m d"], b: Float[Tensor, " m"], count: int
) -> Found:
    """Return the `count` largest positive ones, exactly; see `plain.largest_of_batch`."""
    x, W, b = _bare(x), _bare(W), _bare(b)
    count = min(count, len(x) * len(W))
    share = count / max(1, len(x) * len(W))
    sample, _ = _sample(x, W, b, b)
    guess = torch.zeros(())
    if len(x):
        guess = plain.first_cut(sample, share * sample.shape[1], spare=SPARE)
    found = _above(x, W, b, guess.expand_as(b), expected=SPARE * share)
    lower = 0.9
    while len(found[0]) < count and guess > 0:
        guess = guess * lower if 1e-6 < guess < torch.inf else torch.zeros_like(guess)
        found = _above(x, W, b, guess.expand_as(b), expected=SPARE * share)
        lower *= lower  # by ever more, as it seems to be far off
    if len(found[0]) <= count and count:
        return found
    return _keep_above(found, _below_cut(found[0], count).expand_as(b))


def sort_by_latent(
    latents: Int[Tensor, " e"], m: int
) -> tuple[Int[Tensor, " e"], Int[Tensor, " ends"]]:
    """Return the order that sorts entries by latent, and where each latent begins in it."""
    order, offsets = torch.empty_like(latents), torch.empty(m + 1, dtype=torch.int64)
    products_cpu.sort_by_latent(latents.numpy(), m, order.numpy(), offsets.numpy())
    return order, offsets


def sum_rows(
    values: Float[Tensor, " e"],
    latents: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
    W: Float[Tensor, "m o"],
) -> Float[Tensor, "n o"]:
    """Return the weighted sum of the rows that each bag names."""
    out = torch.empty(len(offsets) - 1, W.shape[1])
    given = (_bare(t).numpy() for t in (values, latents, offsets, W))
    spread(products_cpu.sum_rows, balanced(offsets.numpy()), *given, out.numpy())
    return out


def dots(
    rows: Float[Tensor, "n o"],
    W: Float[Tensor, "m o"],
    latents: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
) -> Float[Tensor, " e"]:
    """Return the dot product of each entry's token row and latent row."""
    out = torch.empty(len(latents))
    given = (_bare(t).numpy() for t in (rows, W, latents, offsets))
    spread(products_cpu.dots, balanced(offsets.numpy()), *given, out.numpy())
    return out


def add_by_latent(
    values: Float[Tensor, " e"],
    tokens: Int[Tensor, " e"],
    order: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
    rows: Float[Tensor, "r o"],
    out: Float[Tensor, "m o"],
) -> None:
    """Add to each latent's row the weighted rows of the tokens it has entries on."""
    given = (_bare(t).numpy() for t in (values, tokens, order, offsets, rows, out))
    spread(products_cpu.add_by_latent, balanced(offsets.numpy()), *given)


def fit(
    values: Float[Tensor, " e"],
    latents: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
    W: Float[Tensor, "m o"],
    base: Float[Tensor, "b o"],
    target: Float[Tensor, "n o"],
    ends: list[int],
    weights: list[float],
    apart: bool = False,
) -> tuple[Float[Tensor, "p n o"], Float[Tensor, " e"], Float[Tensor, " n"]]:
    """Rebuild, prefix by prefix, and compare; see `plain.fit`."""
    errors = torch.empty(len(ends), *target.shape)
    dvalues, losses = torch.empty(len(latents)), torch.empty(len(target))
    given = (_bare(t).numpy() for t in (values, latents, offsets, W, base, target))
    shape = (np.array(ends, dtype=np.int64), np.array(weights, dtype=np.float32), apart)
    out = (t.numpy() for t in (errors, dvalues, losses))
    spread(products_cpu.fit, balanced(offsets.numpy()), *given, *shape, *out)
    return errors, dvalues, losses


def count(
    values: Float[Tensor, " e"], latents: Int[Tensor, " e"], offsets: Int[Tensor, " ends"], m: int
) -> tuple[Int[Tensor, " n"], Int[Tensor, " m"]]:
    """Return how many entries fired, by token and by latent."""
    out = torch.empty(len(offsets) - 1, dtype=torch.int64), torch.empty(m, dtype=torch.int64)
    given = (_bare(t).numpy() for t in (values, latents, offsets, *out))
    products_cpu.count(*given)
    return out


def squares(
    W: Float[Tensor, "m d"], gradient: Float[Tensor, "m d"], unit: bool
) -> Float[Tensor, " m"]:
    """Return the squared length of each row's gradient, the part along a unit row left out."""
    out = torch.empty(len(W))
    spread(update_cpu.squares, len(W), _bare(W).numpy(), gradient.numpy(), unit, out.numpy())
    return out


def adam(
    W: Float[Tensor, "m d"],
    gradient: Float[Tensor, "m d"],
    mean: Float[Tensor, "m d"],
    square: Float[Tensor, "m d"],
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    step: int,
    scale: Float[Tensor, ""],
    unit: bool,
) -> None:
    """Take Adam's step `step` (from 1) on the gradient times `scale`; see `plain.adam`."""
    fixes = (1 / (1 - betas[0] ** step), (1 - betas[1] ** step) ** -0.5)
    numbers = [np.float32(v) for v in (lr, *betas, eps, *fixes, float(scale))]
    given = (_bare(t).numpy() for t in (W, gradient, mean, square))
    spread(update_cpu.adam, len(W), *given, *numbers, unit)


def adam8(
    W: Float[Tensor, "m d"],
    gradient: Float[Tensor, "m d"],
    mean: Int8[Tensor, "m d"],
    mean_top: Float[Tensor, " m"],
    root: UInt8[Tensor, "m d"],
    root_top: Float[Tensor, " m"],
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    step: int,
    scale: Float[Tensor, ""],
    unit: bool,
) -> None:
    """Take Adam's step with moments of 8 bits; see `plain.adam8`."""
    fixes = (1 / (1 - betas[0] ** step), (1 - betas[1] ** step) ** -0.5)
    numbers = [np.float32(v) for v in (lr, *betas, eps, *fixes, float(scale))]
    given = (_bare(t).numpy() for t in (W, gradient, mean, mean_top, root, root_top))
    spread(update_cpu.adam8, len(W), *given, *numbers, unit)


def signum(
    W: Float[Tensor, "m d"],
    gradient: Float[Tensor, "m d"],
    mean: Float[Tensor, "m d"],
    *,
    lr: float,
    beta: float,
    scale: Float[Tensor, ""],
    unit: bool,
) -> None:
    """Step by the sign of the mean gradient; see `plain.signum`."""
    given = (_bare(t).numpy() for t in (W, gradient, mean))
    numbers = [np.float32(v) for v in (lr, beta, float(scale))]
    spread(update_cpu.signum, len(W), *given, *numbers, unit)


def _sample(x: Tensor, W: Tensor, b: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
    """Return pre-activations of many tokens and some latents, and the `low` of these.

    Tokens differ in scale more than latents do, so that a few whole rows would mislead.
    """
    every = max(1, SAMPLE_TOKENS * len(W) // SAMPLE)
    return plain.dense(x[:SAMPLE_TOKENS], W[::every], b[::every]), low[::every]


def _above(x: Tensor, W: Tensor, b: Tensor, low: Tensor, *, expected: float) -> Found:
    """Return all above `low`, of which about the share `expected` of all pairs will be."""
    if expected > DENSE or len(x) == 0:
        return plain.above(x, W, b, low)
    parts, no_floor = [], np.zeros(len(x), np.float32)
    room = min(len(W), int(ROOM * expected * len(W)) + 64)
    for part in scores(x, W, screened=expected <= SCREEN):
        rows, at = len(part.s), slice(part.begin, part.begin + len(part.s))
        given = (*_given(part, x[at], W, b), low.contiguous().numpy(), no_floor, False, part.exact)
        found = _room(rows, room)
        spread(select_cpu.above, rows, *given, *found)
        if (most := int(found.counts.max())) > room:
            found = _room(rows, room := most)
            spread(select_cpu.above, rows, *given, *found)
        parts.append(_joined(found))
    latents, values, counts = (
        torch.from_numpy(np.concatenate(c)) for c in zip(*parts, strict=True)
    )
    return values, latents, torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])


def _given(part: Scores, x: Tensor, W: Tensor, b: Tensor) -> list[np.ndarray]:
    """Return what a kernel is told of a slab: its scores, what they are of, and their bounds."""
    bounds = (part.step, part.reach, part.blur, part.steps, part.norms)
    return [t.numpy() for t in (part.s, x, W, b, *bounds)]


class _Entries(NamedTuple):
    """Entries of the rows of a slab, side by side."""

    latents: np.ndarray
    values: np.ndarray
    counts: np.ndarray


def _room(rows: int, each: int) -> _Entries:
    """Return room for some entries a row."""
    shape = (rows, each)
    return _Entries(
        np.empty(shape, np.int64), np.empty(shape, np.float32), np.empty(rows, np.int64)
    )


def _joined(found: _Entries) -> _Entries:
    """Return the entries one behind the other."""
    offsets = np.concatenate([[0], found.counts.cumsum()])
    out = np.empty(offsets[-1], np.int64), np.empty(offsets[-1], np.float32)
    spread(select_cpu.joined, len(found.counts), found.latents, found.values, offsets, *out)
    return _Entries(*out, found.counts)


def _below_cut(values: Tensor, count: int) -> Tensor:
    """Return the largest number below the `count`-th largest value, or infinity for none."""
    if count == 0:
        return torch.tensor(torch.inf)
    cut = np.partition(values.numpy(), -count)[-count]
    return torch.tensor(np.nextafter(cut, np.float32(-np.inf)))


def _keep_above(found: tuple[Tensor, Tensor, Tensor], low: Tensor) -> Found:
    """Return the entries that exceed the `low` of their latent."""
    values, latents, offsets = found
    new = torch.empty_like(offsets)
    given = (t.numpy() for t in (values, latents, offsets, low.contiguous(), new))
    left = products_cpu.keep_above(*given)
    return values[:left], latents[:left], new


def _bare(tensor: Tensor) -> Tensor:
    """Return a tensor's numbers in rows, without its history."""
    return tensor.detach().contiguous()
