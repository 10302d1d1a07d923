"""Dictionaries that read what was planted, and activations to plant it in."""

import torch
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import KINDS


def reading(encoder: Tensor, decoder: Tensor, bias: Tensor | None = None) -> Dictionary:
    """Return a ReLU dictionary with these rows, whose latents fire where they read above zero."""
    made = Dictionary(encoder.shape[1], len(encoder), KINDS["relu"]())
    with torch.no_grad():
        made.W_enc.copy_(encoder)
        made.W_dec.copy_(decoder)
        if bias is not None:
            made.b_enc.copy_(bias)
    return made.eval()


def noise(*shape: int, seed: int) -> Tensor:
    """Return normal draws."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
