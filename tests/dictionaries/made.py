"""Random dictionaries of every kind."""

import torch

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import KINDS

N, D, M = 23, 7, 50


def make(kind: str, **more: object) -> Dictionary:
    """Return a random float64 dictionary of a kind, biases and thresholds included."""
    settings: dict[str, object] = {
        "topk": {"k": 3},
        "batch-topk": {"k": 2.5},
        "abs-topk": {"k": 3},
    }.get(kind, {})
    if kind in ("jumprelu", "gated"):
        settings = {"n_latents": M}
    if kind == "jumprelu":
        settings |= {"bandwidth": 0.3, "initial": 0.4}
    draw = torch.Generator().manual_seed(1)
    dictionary = Dictionary(D, M, KINDS[kind](**settings), **more).double()
    with torch.no_grad():
        for p in dictionary.parameters():
            p.add_(torch.randn(p.shape, generator=draw, dtype=p.dtype) * 0.5)
    return dictionary
