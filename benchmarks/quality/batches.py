"""The rows that every library trains on, in one order, and how rows are rebuilt in batches.

Only numpy is needed here: this file is read in our environment and in that of the peers.

    DATA/train.npy      activations to train on, [rows, d]
    DATA/held_out.npy   activations to rebuild, for FVU and L0
    DATA/spliced.npy    activations to rebuild, which go back into the model

A *reading* is a way to use one trained dictionary: `saved` is what the library loads from its own
file; `batch` keeps the `k` largest acts a token over a whole batch, as BatchTopK does in training.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Rebuild = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From activations `[n, d]` to their reconstructions `[n, d]` and the latents used, `[n]`."""


class Batches:
    """Training batches `[batch, d]` in float32; iterating again begins anew."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.rows = np.load(Path(job["data"]) / "train.npy", mmap_mode="r")
        self.batch, self.steps = job["batch"], job["steps"]
        self.order = order(len(self.rows), self.batch * self.steps, seed=job["seed"])

    def __len__(self) -> int:
        """Return the number of batches."""
        return self.steps

    def __iter__(self) -> Iterator[np.ndarray]:
        """Give every batch once."""
        for numbers in self.order.reshape(self.steps, self.batch):
            yield self.rows[numbers].astype(np.float32)


def order(n_rows: int, count: int, *, seed: int) -> np.ndarray:
    """Return `count` row numbers: all rows in a new shuffled order for each pass."""
    draw = np.random.default_rng(seed)
    passes = [draw.permutation(n_rows) for _ in range(-(-count // n_rows))]
    return np.concatenate(passes)[:count]


def write(job: dict[str, Any], readings: dict[str, Rebuild], **about: Any) -> None:
    """Rebuild the held-out and the spliced rows in every reading, and write all that down.

    `about.json` is written last: where it is, the rest is whole.
    """
    out = Path(job["out"])
    for reading, rebuild in readings.items():
        for name in ("held_out", "spliced"):
            rows = np.load(Path(job["data"]) / f"{name}.npy", mmap_mode="r")
            rebuilt, used = in_batches(rebuild, rows, batch=job["batch"])
            np.save(out / f"{reading}-{name}.npy", rebuilt)
            np.save(out / f"{reading}-{name}-used.npy", used)
    (out / "about.json").write_text(json.dumps(about | {"readings": list(readings)}))


def in_batches(rebuild: Rebuild, rows: np.ndarray, *, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Rebuild rows in batches of a shuffled order, so that a batch is mixed as in training."""
    rebuilt = np.empty(rows.shape, dtype=np.float32)
    used = np.empty(len(rows), dtype=np.int32)
    mixed = np.random.default_rng(0).permutation(len(rows))
    for numbers in np.array_split(mixed, max(1, round(len(rows) / batch))):
        rebuilt[numbers], used[numbers] = rebuild(rows[numbers].astype(np.float32))
    return rebuilt, used
