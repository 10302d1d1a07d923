"""Small settings and stores for the tests of this folder."""

from pathlib import Path

import torch

from unmix.activations.config import SourceConfig
from unmix.activations.harvest import harvest
from unmix.activations.source import Shard, Source
from unmix.activations.store import Store


def config(model: Path, text: Path, **changes: object) -> SourceConfig:
    """Return settings that fill three training shards and two held-out ones in a moment."""
    settings: dict[str, object] = {
        "model": str(model),
        "text": [str(text)],
        "sites": ["resid.0", "mlp.1"],
        "tokens": 600,
        "held_out_tokens": 300,
        "held_out_share": 0.3,
        "context": 16,
        "batch": 4,
        "shard": 256,
        "device": "cpu",
        **changes,
    }
    return SourceConfig.model_validate(settings)


def store(model: Path, text: Path, out: Path, **changes: object) -> Store:
    """Harvest with small settings."""
    return harvest(config(model, text, **changes), out)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in a folder."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def shards(source: Source) -> list[Shard]:
    """Return all shards of a source."""
    keys = [(s, n) for s in ("train", "held_out") for n in range(source.n_shards(s))]
    return [source.shard(split, number) for split, number in keys]


def same(a: Shard, b: Shard) -> bool:
    """Whether two shards are equal to the bit."""
    plain = zip(a[:4], b[:4], strict=True)
    named = [(x[site], y[site]) for x, y in zip(a[4:], b[4:], strict=True) for site in x]
    return a.acts.keys() == b.acts.keys() and all(torch.equal(x, y) for x, y in [*plain, *named])
