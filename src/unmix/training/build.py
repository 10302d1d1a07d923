"""A new dictionary, before it has seen anything."""

from statistics import NormalDist

import torch

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import (
    AbsTopK,
    BatchTopK,
    Gated,
    JumpReLU,
    ReLU,
    Sparsity,
    TopK,
)
from unmix.training.config import DictionaryConfig


def new_dictionary(config: DictionaryConfig, d_in: int, *, d_out: int | None = None) -> Dictionary:
    """Return a dictionary with random unit directions and the encoder tied to them.

    The tied start is what most prevents dead latents (Gao et al. 2024, section 2.2).  A
    transcoder has nothing to tie.  Everything is drawn from `config.seed`.
    """
    shape = {"d_out": d_out, "skip": config.skip, "refine": config.refine}
    dictionary = Dictionary(d_in, config.latents, _sparsity(config), **shape)
    draw = torch.Generator().manual_seed(config.seed)
    with torch.no_grad():
        for W in (dictionary.W_dec, dictionary.W_enc):
            W.copy_(torch.randn(W.shape, generator=draw))
            W.div_(W.norm(dim=1, keepdim=True))
        if not dictionary.is_transcoder:
            dictionary.W_enc.copy_(dictionary.W_dec)
        if config.kind in ("relu", "gated"):
            _start_sparse(dictionary, low=_quantile(config))
    return dictionary


def _sparsity(config: DictionaryConfig) -> Sparsity:
    """Return the sparsity a config asks for."""
    match config.kind:
        case "relu":
            return ReLU()
        case "topk":
            return TopK(int(config.k))
        case "batch-topk":
            return BatchTopK(config.k)
        case "abs-topk":
            return AbsTopK(int(config.k))
        case "gated":
            return Gated(config.latents)
        case "jumprelu" if config.penalty == "tanh":
            return JumpReLU(config.latents, bandwidth=2.0, initial=_quantile(config))
        case "jumprelu":
            return JumpReLU(config.latents, bandwidth=0.1, initial=_quantile(config))


def _quantile(config: DictionaryConfig) -> float:
    """Return the pre-activation that four times `k` latents exceed at the start.

    Scaled activations on random unit directions are about standard normal.  Starting near the
    target spares the dense codes, and the dead latents, of a start at zero.
    """
    share = min(0.5, 4 * config.k / config.latents)
    return max(0.02, NormalDist().inv_cdf(1 - share))


def _start_sparse(dictionary: Dictionary, *, low: float) -> None:
    """Lower the encoder's bias so that few latents fire at the start."""
    dictionary.b_enc.fill_(-low)
    if isinstance(dictionary.sparsity, Gated):
        dictionary.sparsity.b_mag.fill_(low)  # the magnitude starts as the plain projection
