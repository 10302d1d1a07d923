"""Sparse codes in float32 on a GPU: tensors in, tensors out, Triton kernels between.

Nothing here waits for the device, so a step can be queued ahead or captured as a graph, but for
`above` and `largest_of_batch`: how many entries there are is read once, to make tensors of that
size.  (Where so many are kept that estimates do not pay, plain torch takes over.)  Sums have a
fixed order: there are no atomics.  It has not yet run on hardware; it is tested under Triton's
interpreter, and compiles for an H100.

Axes: n tokens, m latents, d width, o output width, e entries, p prefixes, ends: row boundaries.
"""

from functools import cache

import torch
from jaxtyping import Float, Int, Int8, UInt8
from torch import Tensor

from unmix.dictionaries.kernels import plain, products_cuda, update_cuda
from unmix.dictionaries.kernels.encode_cuda import above, largest, largest_of_batch
from unmix.dictionaries.kernels.launch_cuda import (
    COLUMNS,
    TILE,
    bare,
    block,
    launch,
    pieces_of,
    prefix_dots,
    running,
)

__all__ = [
    "above",
    "adam",
    "adam8",
    "add_by_latent",
    "count",
    "dots",
    "fit",
    "largest",
    "largest_of_batch",
    "signum",
    "sort_by_latent",
    "squares",
    "sum_rows",
]

PIECE = 512
"""Entries of a latent that one program adds up, at most."""


def sort_by_latent(
    latents: Int[Tensor, " e"], m: int
) -> tuple[Int[Tensor, " e"], Int[Tensor, " ends"]]:
    """Return the order that sorts entries by latent, and where each latent begins in it."""
    there, order = torch.sort(latents.to(torch.int32), stable=True)
    begins = torch.arange(m + 1, dtype=torch.int32, device=latents.device)
    return order, torch.searchsorted(there, begins)


def sum_rows(
    values: Float[Tensor, " e"],
    latents: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
    W: Float[Tensor, "m o"],
) -> Float[Tensor, "n o"]:
    """Return the weighted sum of the rows that each bag names."""
    values, W = bare(values), bare(W)
    (m, width), n = W.shape, len(offsets) - 1
    out, columns = W.new_empty(n, width), block(width, COLUMNS)
    given = (values, latents, offsets, W, out, m, width)
    grid = (n, pieces_of(width, columns))
    launch(products_cuda.sum_rows, grid, *given, TILE=TILE, BLOCK=columns)
    return out


def dots(
    rows: Float[Tensor, "n o"],
    W: Float[Tensor, "m o"],
    latents: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
) -> Float[Tensor, " e"]:
    """Return the dot product of each entry's token row and latent row."""
    return prefix_dots(bare(rows)[None], bare(W), latents, offsets, offsets)


def add_by_latent(
    values: Float[Tensor, " e"],
    tokens: Int[Tensor, " e"],
    order: Int[Tensor, " e"],
    offsets: Int[Tensor, " ends"],
    rows: Float[Tensor, "r o"],
    out: Float[Tensor, "m o"],
) -> None:
    """Add to each latent's row the weighted rows of the tokens it has entries on."""
    values, tokens, rows = bare(values)[order], tokens[order], bare(rows)
    (m, width), e, columns = out.shape, len(order), block(out.shape[1], COLUMNS)
    pieces, across = pieces_of(e, PIECE), pieces_of(width, columns)
    parts = out.new_empty(2 * pieces, width)
    shape = {"PIECE": PIECE, "TILE": TILE, "BLOCK": columns}
    given = (values, tokens, offsets, rows, parts)
    launch(products_cuda.add_pieces, (pieces, across), *given, m, e, len(rows), width, **shape)
    launch(
        products_cuda.add_by_latent, (m, across), *given, out.detach(), len(rows), width, **shape
    )


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
    values, W, base, target = bare(values), bare(W), bare(base), bare(target)
    n, width = target.shape
    errors, losses = target.new_empty(len(ends), n, width), target.new_empty(n)
    stops = _constant(tuple(ends), torch.int64, W.device)
    shares = _constant(tuple(weights), torch.float32, W.device)
    given = (values, latents, offsets, W, base, target, stops, shares, errors, losses)
    stride = width if len(base) > 1 else 0
    shape = {"PREFIXES": len(ends), "TILE": TILE, "BLOCK": block(width, COLUMNS), "APART": apart}
    launch(products_cuda.fit, (n,), *given, n, width, stride, **shape)
    return errors, prefix_dots(errors, W, latents, offsets, stops), losses


def count(
    values: Float[Tensor, " e"], latents: Int[Tensor, " e"], offsets: Int[Tensor, " ends"], m: int
) -> tuple[Int[Tensor, " n"], Int[Tensor, " m"]]:
    """Return how many entries fired, by token and by latent."""
    fired = values != 0
    by_latent = torch.zeros(m, dtype=torch.int64, device=values.device)
    by_latent.scatter_add_(0, latents, fired.to(torch.int64))
    return running(fired)[offsets].diff(), by_latent


def squares(
    W: Float[Tensor, "m d"], gradient: Float[Tensor, "m d"], unit: bool
) -> Float[Tensor, " m"]:
    """Return the squared length of each row's gradient, the part along a unit row left out."""
    if len(W) == 1:
        return plain.squares(W, gradient, unit)
    out = W.new_empty(len(W))
    grid, d, shape = _cut(W, True)
    launch(update_cuda.squares, grid, bare(W), gradient, out, d, UNIT=unit, **shape)
    return out


def adam(
    W: Float[Tensor, "m d"],
    gradient: Float[Tensor, "m d"],
    mean: Float[Tensor, "m d"],
    square: Float[Tensor, "m d"],
    *,
    lr: float | Float[Tensor, ""],
    betas: tuple[float, float],
    eps: float,
    step: int | Int[Tensor, ""],
    scale: Float[Tensor, ""],
    unit: bool,
) -> None:
    """Take Adam's step `step` (from 1) on the gradient times `scale`; see `plain.adam`.

    In a captured graph `lr` and `step` are tensors (both), which the next replay reads anew.
    """
    decays = (betas[0], 1 - betas[0], betas[1], 1 - betas[1], eps)
    given = (W.detach(), gradient, mean, square, scale, *_rates(lr, step, betas, scale), *decays)
    grid, size, shape = _cut(W, unit)
    launch(update_cuda.adam, grid, *given, size, UNIT=unit, LOADED=_loaded(lr), **shape)


def adam8(
    W: Float[Tensor, "m d"],
    gradient: Float[Tensor, "m d"],
    mean: Int8[Tensor, "m d"],
    mean_top: Float[Tensor, " m"],
    root: UInt8[Tensor, "m d"],
    root_top: Float[Tensor, " m"],
    *,
    lr: float | Float[Tensor, ""],
    betas: tuple[float, float],
    eps: float,
    step: int | Int[Tensor, ""],
    scale: Float[Tensor, ""],
    unit: bool,
) -> None:
    """Take Adam's step with moments of 8 bits; see `plain.adam8`, and `adam` on graphs."""
    decays = (betas[0], 1 - betas[0], betas[1], 1 - betas[1], eps)
    moments = (mean, mean_top, root, root_top)
    given = (W.detach(), gradient, *moments, scale, *_rates(lr, step, betas, scale), *decays)
    grid, d, shape = _cut(W, True)
    launch(update_cuda.adam8, grid, *given, d, UNIT=unit, LOADED=_loaded(lr), **shape)


def signum(
    W: Float[Tensor, "m d"],
    gradient: Float[Tensor, "m d"],
    mean: Float[Tensor, "m d"],
    *,
    lr: float | Float[Tensor, ""],
    beta: float,
    scale: Float[Tensor, ""],
    unit: bool,
) -> None:
    """Step by the sign of the mean gradient; see `plain.signum`."""
    rate, numbers = (0.0, lr) if isinstance(lr, Tensor) else (lr, scale)
    given = (W.detach(), gradient, mean, scale, rate, numbers, beta, 1 - beta)
    grid, size, shape = _cut(W, unit)
    launch(update_cuda.signum, grid, *given, size, UNIT=unit, LOADED=_loaded(lr), **shape)


def _rates(
    lr: float | Tensor, step: int | Tensor, betas: tuple[float, float], scale: Tensor
) -> tuple[float, float, Tensor]:
    """Return the length of the step and the correction of the root, as numbers or in a tensor."""
    if isinstance(lr, Tensor) and isinstance(step, Tensor):
        taken = step.double()
        rate, fix = lr / (1 - betas[0] ** taken), (1 - betas[1] ** taken) ** -0.5
        return 0.0, 0.0, torch.stack([rate, fix]).float()
    assert not isinstance(lr, Tensor)
    assert not isinstance(step, Tensor)
    return lr / (1 - betas[0] ** step), (1 - betas[1] ** step) ** -0.5, scale


def _loaded(lr: float | Tensor) -> bool:
    return isinstance(lr, Tensor)


def _cut(W: Tensor, by_row: bool) -> tuple[tuple[int], int, dict[str, int]]:
    """Return how a matrix falls to programs: how many, the size of a row or of all, the block."""
    size = W.shape[1] if by_row else W.numel()
    columns = block(size, 2**17 if by_row else 1024)
    grid = (len(W) if by_row else pieces_of(size, columns),)
    return grid, size, {"BLOCK": columns, "num_warps": min(16, max(4, columns // 1024))}


@cache
def _constant(
    numbers: tuple[float, ...], dtype: torch.dtype, device: torch.device
) -> Float[Tensor, " p"] | Int[Tensor, " p"]:
    """Return a few numbers on a device, copied there once."""
    return torch.tensor(numbers, dtype=dtype, device=device)
