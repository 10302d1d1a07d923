"""Take from a store the rows that every library is given (see `batches.py` for the files).

Special tokens and tokens of massive norm are left out of all three.  The rows that go back into the
model are noted while it runs, in the order and the batches in which `splice` will ask for them.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unmix.activations.source import Source, eligible, held_out
from unmix.disk import replacing, write_json
from unmix.evaluation.candidates import Candidate, Rebuilt
from unmix.evaluation.heldout import Contexts, HeldOut
from unmix.evaluation.splicing import splice
from unmix.models.load import LanguageModel, load_model
from unmix.models.sites import resolve


def language_model(source: Source) -> LanguageModel:
    """Return the model a store was read from."""
    config = source.config
    return load_model(
        config.model,
        revision=config.revision,
        device="cpu",
        dtype=config.model_dtype,
        random_seed=config.random_weights,
    )


def contexts_of(source: Source, site: str, *, tokens: int) -> Contexts:
    """Return held-out contexts spread evenly over the store."""
    kept = HeldOut([site], n_shards=source.n_shards("held_out"), tokens=tokens)
    for shard in held_out(source):
        kept.add(shard)
    return kept.contexts()


def take(source: Source, site: str, folder: Path, *, tokens: int) -> None:
    """Write the rows to a folder, whole or not at all."""
    moments = source.moments(site)
    with replacing(folder) as beside:
        beside.mkdir()
        train = (source.shard("train", i) for i in range(source.n_shards("train")))
        kept = [shard.acts[site][eligible(shard, site)] for shard in train]
        np.save(beside / "train.npy", torch.cat(kept).numpy())
        rows, documents = [], []
        for shard in held_out(source):
            keep = eligible(shard, site)
            rows.append(shard.acts[site][keep])
            documents.append(shard.documents.flatten()[keep])
        np.save(beside / "held_out.npy", torch.cat(rows).numpy())
        np.save(beside / "documents.npy", torch.cat(documents).numpy())
        np.savez(beside / "moments.npz", mean=moments.mean.numpy(), variance=moments.variance)
        spliced = _noted(source, site, tokens=tokens)
        np.save(beside / "spliced.npy", torch.cat(spliced).numpy())
        counts = {"train": sum(map(len, kept)), "held_out": sum(map(len, rows))}
        write_json(
            beside / "about.json",
            counts
            | {"spliced": [len(block) for block in spliced], "site": site}
            | {"store": source.fingerprint, "documents": len(torch.cat(documents).unique())},
        )


def _noted(source: Source, site: str, *, tokens: int) -> list[Float[Tensor, "n d"]]:
    """Run the model and return the rows it carries, one block a call of `rebuild`."""
    model = language_model(source).model
    blocks: list[Tensor] = []

    def rebuild(x: Float[Tensor, "n d"]) -> Rebuilt:
        blocks.append(x.clone())
        return Rebuilt(x, None)

    contexts = contexts_of(source, site, tokens=tokens)
    noting = candidate("noting", site, rebuild)
    splice(model, [noting], sites={site: resolve(model, site)}, contexts=contexts)
    return blocks


def candidate(name: str, site: str, rebuild: Callable[[Tensor], Rebuilt]) -> Candidate:
    """Return something that stands in the place of a site's activations."""
    return Candidate(
        name=name, role="dictionary", about=name, site=site, target=site, rebuild=rebuild
    )
