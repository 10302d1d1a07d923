"""How many latents of a token the bound of `kernels/screen.py` leaves undecided.

    python benchmarks/screen.py runs/demo [--tokens 4096] [--json]

On held-out activations of a run and its own dictionary, with the cut at the `k`-th largest of the
batch.  A latent is undecided if its bound reaches the cut; it is then scored again in float32.
These are counts, not times.
"""

from pathlib import Path
from typing import NamedTuple

import torch
import tyro
from timing import row, show
from torch import Tensor

from unmix.activations.source import eligible
from unmix.dictionaries.files import load, read_card
from unmix.dictionaries.kernels.round_cpu import SPREAD
from unmix.training.reading import open_source
from unmix.training.run import read_config


class Settings(NamedTuple):
    """What is counted."""

    run: tyro.conf.Positional[Path]
    """A finished run."""
    tokens: int = 4096
    """Held-out tokens."""
    json: bool = False
    """Print a line of JSON for each number."""


class Rounded(NamedTuple):
    """Rows after rounding."""

    rows: Tensor
    gaps: Tensor
    """Length of what was taken from each."""


def main() -> None:
    """Count, and print the mean, the least and the most of a token."""
    settings = tyro.cli(Settings)
    folder = settings.run / "dictionary"
    dictionary, card = load(folder), read_card(folder)
    source = open_source(read_config(settings.run))
    shard = source.shard("held_out", 0)
    x = shard.acts[card.site][eligible(shard, card.site)][: settings.tokens].float()
    x, W, b = x - dictionary.b_pre, dictionary.W_enc, dictionary.b_enc
    scores = x @ W.T + b
    cut = scores.flatten().topk(round((card.k or 32) * len(x))).values.min()
    ways = {
        "8 bits, turned": (eighths(turned(x)), eighths(turned(W))),
        "8 bits, as they lie": (eighths(x), eighths(W)),
        "bfloat16": (sixteenths(x), sixteenths(W)),
    }
    rows = [row("fire", (scores >= cut).sum(1).tolist(), "a token")]
    for name, (left, right) in ways.items():
        whole = x.norm(dim=1) + left.gaps
        bound = left.gaps[:, None] * W.norm(dim=1) + whole[:, None] * right.gaps
        reach = left.rows @ right.rows.T + b + bound
        rows.append(row(f"undecided, {name}", (reach >= cut).sum(1).tolist(), "a token"))
    show(rows, as_json=settings.json)


def turned(rows: Tensor) -> Tensor:
    """Apply the orthogonal transform of `round_cpu.py`: Hadamard over the parts of a row."""
    hadamard = torch.ones(1, 1)
    while len(hadamard) < SPREAD:
        hadamard = torch.kron(torch.tensor([[1.0, 1.0], [1.0, -1.0]]), hadamard)
    width = -(-rows.shape[1] // SPREAD) * SPREAD
    padded = torch.nn.functional.pad(rows, (0, width - rows.shape[1]))
    return (hadamard / SPREAD**0.5 @ padded.view(len(rows), SPREAD, -1)).flatten(1)


def eighths(rows: Tensor) -> Rounded:
    """Round to 127ths of each row's largest number."""
    step = rows.abs().amax(1, keepdim=True) / 127
    near = (rows / step).round() * step
    return Rounded(near, (rows - near).norm(dim=1))


def sixteenths(rows: Tensor) -> Rounded:
    """Round to bfloat16."""
    near = rows.to(torch.bfloat16).float()
    return Rounded(near, (rows - near).norm(dim=1))


if __name__ == "__main__":
    main()
