"""Activations whose features are known, as a source."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import final

import torch

from unmix.activations.config import SourceConfig
from unmix.activations.source import About, Moments, Shard, Source, moments_of, sums
from unmix.activations.store import (
    Header,
    Manifest,
    SiteFacts,
    header_of,
    write_manifest,
    write_shard,
)
from unmix.text.document import Split

WIDTH, FEATURES, SHARD = 16, 24, 2048


@cache
def directions(seed: int = 0) -> torch.Tensor:
    """Return 24 unit directions in 16 dimensions, pushed apart."""
    draw = torch.Generator().manual_seed(seed)
    D = torch.randn(FEATURES, WIDTH, generator=draw)
    for _ in range(200):
        D = torch.nn.functional.normalize(D, dim=1).requires_grad_()
        (gradient,) = torch.autograd.grad((D @ D.T - torch.eye(FEATURES)).pow(4).sum(), D)
        D = (D - 0.05 * gradient).detach()
    return torch.nn.functional.normalize(D, dim=1)


def sample(n: int, seed: int) -> torch.Tensor:
    """Return `n` activations, each about two features of strength 0.5 to 1.5."""
    draw = torch.Generator().manual_seed(seed)
    on = torch.rand(n, FEATURES, generator=draw) < 2 / FEATURES
    return (on * (0.5 + torch.rand(n, FEATURES, generator=draw))) @ directions()


@final
class Planted(Source):
    """Shards of planted activations at two sites: `a`, and `b`, which is `a` turned around."""

    def __init__(self, shards: int = 8, *, nan: bool = False) -> None:
        self.shards, self.nan = shards, nan

    @property
    def config(self) -> SourceConfig:
        """The settings that a stream asks for."""
        tokens = self.shards * SHARD
        return SourceConfig(
            model="planted", sites=("a", "b"), tokens=tokens, shard=SHARD, dtype="fp32"
        )

    @property
    def identity(self) -> Mapping[str, object]:
        """What decides the rows."""
        return {"planted": self.shards}

    @property
    def sites(self) -> Mapping[str, int]:
        """Names and widths."""
        return {"a": WIDTH, "b": WIDTH}

    @property
    def in_sequence(self) -> bool:
        """Any order costs the same."""
        return False

    def n_shards(self, split: Split) -> int:
        """Return the number of shards."""
        return self.shards if split == "train" else 1

    def shard(self, split: Split, number: int) -> Shard:
        """Make a shard."""
        a = sample(SHARD, seed=number if split == "train" else 10_000)
        if self.nan and number == 1:
            a[7, 3] = float("nan")
        flags = torch.zeros(SHARD // 16, 16, dtype=torch.bool)
        ids = torch.zeros(SHARD // 16, 16, dtype=torch.int64)
        none = {name: torch.zeros(SHARD, dtype=torch.bool) for name in self.sites}
        return Shard(ids, ids, ids, flags, {"a": a, "b": a.flip(1)}, none)

    def moments(self, site: str) -> Moments:
        """Return the moments of all shards."""
        parts = [sums(self.shard("train", i), site) for i in range(self.shards)]
        return moments_of(parts, 1.0)

    def about(self, numbers: Iterable[int]) -> list[About]:
        """Name documents."""
        return [About(f"document {n}", "planted", {}) for n in numbers]


def write_store(folder: Path, *, shards: int = 4) -> Path:
    """Write planted activations as a store, as a harvest would."""
    source = Planted(shards)
    heads: dict[tuple[Split, int], Header] = {}
    sides: tuple[Split, Split] = ("train", "held_out")
    for side in sides:
        for i in range(source.n_shards(side)):
            shard = source.shard(side, i)
            head = header_of(shard, store=source.fingerprint, medians={"a": 1.0, "b": 1.0})
            about = source.about(shard.documents.unique().tolist())
            write_shard(folder, side, i, shard=shard, about=about, head=head)
            heads[side, i] = head
    massive, counted = {"train": 0, "held_out": 0}, {"train": shards * SHARD, "held_out": SHARD}
    facts = {
        name: SiteFacts(site=name, width=WIDTH, median_norm=1.0, massive=massive, eligible=counted)
        for name in source.sites
    }
    manifest = Manifest(
        complete=True,
        fingerprint=source.fingerprint,
        identity=dict(source.identity),
        config=source.config,
        revision=None,
        tokens=counted,
        special=massive,
        sites=facts,
    )
    write_manifest(folder, manifest)
    return folder
