"""What follows from the weights alone: lengths, neighbours by direction, and the map.

Axes: m latents, d width of the directions, i width that is read, q neighbours.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.dictionaries import kernels
from unmix.dictionaries.dictionary import Dictionary
from unmix.errors import UserError
from unmix.index.schema import NEIGHBOURS

ROWS = 4096
"""Directions compared with all others at a time."""


def lengths(dictionary: Dictionary) -> Float[Tensor, " m"]:
    """Return the length of each direction."""
    return dictionary.W_dec.norm(dim=1)


def encoder_cosine(dictionary: Dictionary) -> Float[Tensor, " m"]:
    """Return the cosine of what each latent reads and what it writes; NaN for a transcoder."""
    if dictionary.is_transcoder:
        return torch.full((dictionary.n_latents,), torch.nan)
    return torch.cosine_similarity(dictionary.W_enc, dictionary.W_dec, dim=1)


def unit(directions: Float[Tensor, "m d"]) -> Float[Tensor, "m d"]:
    """Return the directions at length 1; a direction of zeros stays as it is."""
    return torch.nn.functional.normalize(directions.float(), dim=1)


def nearest(
    directions: Float[Tensor, "m d"],
) -> tuple[Int[np.ndarray, "m q"], Float[np.ndarray, "m q"]]:
    """Return the nearest other directions of each unit direction, and their cosines.

    This is the encoder's own product, so it costs what encoding `m` tokens does.
    """
    m = len(directions)
    most = min(NEIGHBOURS, m - 1)
    none = directions.new_zeros(m)
    others = np.full((m, NEIGHBOURS), -1, np.int32)
    cosines = np.full((m, NEIGHBOURS), np.nan, np.float32)
    for begin in range(0, m, ROWS):
        rows = directions[begin : begin + ROWS]
        found = kernels.of(rows).largest(rows, directions, none, most + 1, False)
        score, latent = (t.view(len(rows), most + 1).cpu() for t in found[:2])
        own = latent == torch.arange(begin, begin + len(rows))[:, None]
        score = score.masked_fill(own, -torch.inf)
        order = score.argsort(dim=1, descending=True, stable=True)[:, :most]
        others[begin : begin + len(rows), :most] = latent.gather(1, order).int()
        cosines[begin : begin + len(rows), :most] = score.gather(1, order)
    return others, cosines


def principal_map(directions: Float[Tensor, "m d"]) -> Float[Tensor, "m 2"]:
    """Return the first two principal components of unit directions.

    Each is signed so that its largest coordinate is positive, and scaled to unit variance.
    """
    centred = (directions - directions.mean(0)).double()
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    place = centred @ vectors[:, [-1, -2]] if len(values) > 1 else centred.expand(-1, 2)
    place = place / place.std(0, correction=0).clamp_min(1e-12)
    peak = place.gather(0, place.abs().argmax(0, keepdim=True))
    return (place * torch.where(peak < 0, -1.0, 1.0)).float()


def need_umap() -> None:
    """Refuse to go on without UMAP.

    Raises:
        UserError: The extra `map` is not installed.
    """
    if not find_spec("umap"):
        raise UserError("`--umap` needs the extra `map`: `pip install 'unmix[map]'`")


def umap_map(directions: Float[Tensor, "m d"], *, seed: int = 0) -> Float[Tensor, "m 2"]:
    """Return a map by UMAP (McInnes et al. 2018) on cosine distances.

    Raises:
        UserError: The extra `map` is not installed.
    """
    need_umap()
    umap: Any = import_module("umap")  # an extra: not there where types are checked
    near = min(15, len(directions) - 1)
    made = umap.UMAP(n_neighbors=near, metric="cosine", random_state=seed, n_jobs=1)
    return torch.from_numpy(made.fit_transform(directions.cpu().numpy())).float()
