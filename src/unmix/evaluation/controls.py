"""What a dictionary has to beat: linear maps of the same size, and latents that learnt nothing.

* **PCA** with as many components as the dictionary's measured L0 passes on as many numbers a
  token, chosen once for all tokens instead of anew for each.  For a transcoder it is the best
  linear map of that rank (reduced-rank regression, Izenman 1975), which is PCA where input and
  target are one site.
* **Frozen**: the same kind trained beside the dictionary with its directions kept at their random
  start (Korznikov et al. 2026, "Sanity checks for sparse autoencoders"): what the encoder can
  do alone.
* **Random model**: the same kind trained on the activations of a model of the same shape with
  random weights (Heap et al. 2025): what any activations of that shape would give.
* **Mean** and **zero**: nothing of the activation is kept (`candidates.py`).

Axes: n tokens, d activation width (i in, o out), p components.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.activations.config import SourceConfig
from unmix.activations.source import Shard
from unmix.evaluation.candidates import Candidate, Rebuilt
from unmix.evaluation.heldout import measurable
from unmix.training.config import SweepConfig, TrainConfig
from unmix.training.run import resume, train

FROZEN, RANDOM = "controls/frozen", "controls/random"
"""Where a run keeps its controls."""


class Spread(NamedTuple):
    """Second moments of a pair of sites around their means, over `n` training tokens."""

    n: int
    inner: Float[Tensor, "i i"]
    """Covariance of the input site with itself."""
    cross: Float[Tensor, "i o"]
    """Covariance of the input with the target site."""
    mean_in: Float[Tensor, " i"]
    mean_out: Float[Tensor, " o"]


def spread(
    shards: Iterable[Shard],
    site: str,
    target: str,
    *,
    mean_in: Float[Tensor, " i"],
    mean_out: Float[Tensor, " o"],
) -> Spread:
    """Accumulate covariances over the eligible tokens: float32 products, float64 sums."""
    inner = torch.zeros(len(mean_in), len(mean_in), dtype=torch.float64)
    cross = inner if site == target else inner.new_zeros(len(mean_in), len(mean_out))
    n = 0
    for shard in shards:
        keep = measurable(shard, (site, target))
        x = shard.acts[site][keep].float() - mean_in.to(keep.device).float()
        inner += (x.T @ x).double().cpu()
        n += len(x)
        if site != target:
            y = shard.acts[target][keep].float() - mean_out.to(keep.device).float()
            cross += (x.T @ y).double().cpu()
    scale = max(n, 1)
    return Spread(n, inner / scale, cross / scale, mean_in.double(), mean_out.double())


def linear(moments: Spread, site: str, target: str, *, components: int) -> Candidate:
    """Return the best linear map from `site` to `target` through `components` numbers."""
    if site == target:
        read = _top(moments.inner, components)
        write = read.T
    else:
        fit = torch.linalg.pinv(moments.inner, hermitian=True) @ moments.cross
        basis = _top(fit.T @ moments.inner @ fit, components)
        read, write = fit @ basis, basis.T
    components = read.shape[1]
    mean_in, mean_out = moments.mean_in.float(), moments.mean_out.float()
    read, write = read.float(), write.float()

    def rebuild(x: Float[Tensor, "n i"]) -> Rebuilt:
        passed = (x - mean_in.to(x)) @ read.to(x)
        return Rebuilt(passed @ write.to(x) + mean_out.to(x), None)

    kind = "PCA" if site == target else "linear map"
    return Candidate(
        name=f"{kind} {components}",
        role="linear",
        about=f"the best {components} fixed components, as many as the dictionary's L0, fitted on "
        f"{moments.n:,} training tokens",
        site=site,
        target=target,
        rebuild=rebuild,
        n_active=components,
    )


def _top(covariance: Float[Tensor, "d d"], components: int) -> Float[Tensor, "d p"]:
    """Return the eigenvectors of the largest eigenvalues, largest first."""
    vectors = torch.linalg.eigh((covariance + covariance.T) / 2).eigenvectors
    return vectors.flip(1)[:, :components].contiguous()


def random_config(config: TrainConfig, source: SourceConfig, *, seed: int = 0) -> TrainConfig:
    """Return the config of a run like the first dictionary's, on a model of random weights.

    It reads the same text at the same sites, and keeps its own store where the run has one.
    """
    first = next(iter(config.variants().values()))
    changed = {
        "out": config.out / RANDOM,
        "store": None if config.store is None else "{out}/store",
        "source": source.model_copy(update={"random_weights": seed}),
        "dictionary": first,
        "sweep": SweepConfig(),
        "frozen_control": False,
        "track": "none",
    }
    return config.model_copy(update=changed)


def train_on_random_weights(
    config: TrainConfig, source: SourceConfig, *, report: Callable[[str], None]
) -> Path:
    """Train that control, or go on with it, or find it done; return its run folder."""
    wanted = random_config(config, source)
    if (wanted.out / "config.json").exists():
        return resume(wanted.out, report=report)
    return train(wanted, report=report)
