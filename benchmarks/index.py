"""What an index costs: time, bytes and memory by the number of latents, and a look at one latent.

    python benchmarks/index.py [--json] [--run runs/demo] [--tokens 131072] [--latents 4096 16384]

Needs the store of a run, `make demo` makes one. Dictionaries are made up: TopK over random mixtures
of stored activations, so that every token has `k` acts whatever `m` is.

    pass, m=...        reading a shard's activations, encoding, sorting, writing, over harvesting it
    index, m=...       the same with its share of all that comes after, at the tokens asked for
    merging            what comes after the pass; and the part of it that grows with the acts
    bytes an act       the whole index over its acts; and what 10 million tokens at k come to
    look               acts and examples of one latent from disk, through `open_index`
"""

import unmix  # isort: skip  # noqa: F401  (tells torch how to wait; before torch is loaded)

import resource
import shutil
import tempfile
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
import tyro
from timing import Row, interleave, ratio, row, show

from unmix.activations.live import LiveSource
from unmix.activations.store import Store, open_store
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.files import card_of, load, save
from unmix.dictionaries.sparsity import TopK
from unmix.disk import write_json
from unmix.index.build import build
from unmix.index.examples import Wish, sample
from unmix.index.making.collect import part_of
from unmix.index.making.parts import Header, Key, write_part
from unmix.index.manifest import read_manifest
from unmix.index.read import open_index
from unmix.training.config import TrainConfig


class Settings(NamedTuple):
    """What is timed."""

    run: Path = Path("runs/demo")
    """A run with a store."""
    tokens: int = 131072
    """Tokens indexed with each dictionary."""
    latents: tuple[int, ...] = (4096, 16384, 65536)
    """Sizes of the dictionaries."""
    k: int = 64
    """Acts a token."""
    shard: int = 8192
    """Tokens of the pass that is timed beside the harvest."""
    looks: int = 200
    """Latents looked at."""
    repeat: int = 3
    """Rounds."""
    json: bool = False
    """Print a line of JSON for each number."""


def main() -> None:
    """Time everything and print it."""
    settings = tyro.cli(Settings)
    store = open_store(settings.run / "store")
    place = Path(tempfile.mkdtemp(prefix="unmix-index-"))
    try:
        runs = {m: made_run(place / str(m), store, m, settings.k) for m in settings.latents}
        passes = in_turns(store, runs, settings)
        rows: list[Row] = [row("harvest", passes["harvest"], "s")]
        for m, run in runs.items():
            rows += measured(run, m, passes, settings)
    finally:
        shutil.rmtree(place)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows.append(row("peak memory of all", [peak], "GiB"))
    show(rows, as_json=settings.json)


def made_run(folder: Path, store: Store, m: int, k: int) -> Path:
    """Write a run with a made-up dictionary over a store that is there."""
    site = next(iter(store.sites))
    d = store.sites[site]
    dictionary = Dictionary(d, m, TopK(k))
    draw = torch.Generator().manual_seed(0)
    x = store.shard("train", 0).acts[site].float()
    x = x[x.norm(dim=1) < 2 * x.norm(dim=1).median()]  # massive ones would be all there is
    dictionary.b_pre.data.copy_(x.mean(0))
    pairs = torch.randint(len(x), (2, m), generator=draw)
    mixed = x[pairs[0]] - x[pairs[1]] + torch.randn(m, d, generator=draw) * x.std(0)
    dictionary.W_dec.data.copy_(torch.nn.functional.normalize(mixed, dim=1))
    dictionary.W_enc.data.copy_(dictionary.W_dec)
    about = {"site": site, "model": store.config.model, "source": store.fingerprint}
    save(dictionary, folder / "dictionary", card_of(dictionary, **about))
    config = TrainConfig(out=folder, store=str(store.folder.resolve()), source=store.config)
    write_json(folder / "config.json", config.model_dump(mode="json"))
    return folder


def in_turns(store: Store, runs: dict[int, Path], settings: Settings) -> dict[str, list[float]]:
    """Time harvesting a few tokens against the passes over them, round by round."""
    site = next(iter(store.sites))
    changed = {"shard": settings.shard, "tokens": settings.shard * (settings.repeat + 2)}
    live = LiveSource(store.config.model_copy(update=changed), medians={site: 1e9})
    numbers = iter(range(settings.repeat + 2))
    shards = []

    def harvest() -> None:
        shards[:] = [live.shard("train", next(numbers))]

    def passing(run: Path, dictionary: Dictionary) -> None:
        part = part_of(shards[0], dictionary, site)
        header = Header(index="", tokens=settings.shard)
        write_part(run, Key("train", 0), part=part, about={}, header=header)

    cases = {"harvest": harvest}
    for m, run in runs.items():
        dictionary = load(run / "dictionary")
        cases[f"m={m}"] = lambda run=run, dictionary=dictionary: passing(run, dictionary)
    return interleave(cases, repeat=settings.repeat)


def measured(run: Path, m: int, passes: dict[str, list[float]], settings: Settings) -> list[Row]:
    """Index with one dictionary, and say what that took."""
    harvest, passing = passes["harvest"], passes[f"m={m}"]
    folder = build(run, tokens=settings.tokens)
    manifest = read_manifest(folder)
    merging = manifest.settings["seconds"]["merging"]
    added = merging / manifest.n_tokens * settings.shard
    both = [h + p for h, p in zip(harvest, passing, strict=True)]
    size = sum(facts.bytes for facts in manifest.files.values())
    fixed = sum(manifest.files[f"{n}.parquet"].bytes for n in ("vocabulary", "documents"))
    fixed += sum(f.bytes for n, f in manifest.files.items() if n in BY_LATENT)
    acts = manifest.settings["acts"]
    large = (size - fixed) / manifest.n_tokens * 10**7 + fixed
    return [
        ratio(f"pass and harvest, m={m}", both, harvest, "of harvest"),
        ratio(f"index, m={m}", [b + added for b in both], harvest, "of harvest"),
        row(f"pass, m={m}", [1e6 * p / settings.shard for p in passing], "µs a token"),
        row(f"merging, m={m}", [merging], "s"),
        row(f"acts, m={m}", [acts / 1e6], "million"),
        row(f"bytes an act, m={m}", [(size - fixed) / acts], "bytes"),
        row(f"10 million tokens, m={m}", [large / 1e9], "GB"),
        *looks(folder, m, settings),
    ]


BY_LATENT = ("latents.parquet", "logits.parquet", "logit_counts.parquet", "neighbours.parquet")
"""Files whose size goes by the number of latents, not of acts."""


def looks(folder: Path, m: int, settings: Settings) -> list[Row]:
    """Open the index and look at latents, each for the first time."""
    start = perf_counter()
    index = open_index(folder)
    opened = perf_counter() - start
    alive = np.flatnonzero(index.column("n_fired") > 0)
    chosen = np.random.default_rng(0).permutation(alive)[: settings.looks].tolist()
    sample(index, chosen[0], Wish())  # tokens and documents are read once
    codes, examples = [], []
    for latent in chosen[1:]:
        start = perf_counter()
        index.codes(latent)
        codes.append(1e3 * (perf_counter() - start))
        sample(index, latent, Wish())
        examples.append(1e3 * (perf_counter() - start))
    return [
        row(f"opening, m={m}", [1e3 * opened], "ms"),
        row(f"acts of a latent, m={m}", codes, "ms"),
        row(f"acts and examples, m={m}", examples, "ms"),
        row(f"the same, p95, m={m}", [float(np.quantile(examples, 0.95))], "ms"),
    ]


if __name__ == "__main__":
    main()
