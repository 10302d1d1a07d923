"""A dictionary as dictionary_learning reads it: `config.json` beside `ae.pt`, a pickle of tensors.

The library reads nothing but pickles; this module writes one and no part of unmix reads any.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.files import Card
from unmix.disk import replacing, write_json
from unmix.export.parts import jump, magnitude, parts, refuse

CLASSES = {
    "relu": "AutoEncoder",
    "topk": "AutoEncoderTopK",
    "batch-topk": "BatchTopKSAE",
    "jumprelu": "JumpReluAutoEncoder",
    "gated": "GatedAutoEncoder",
}
UNSET = -1.0
"""What the library writes for a threshold that is not used."""


def write(dictionary: Dictionary, folder: Path, *, card: Card) -> None:
    """Write a dictionary for `dictionary_learning.utils.load_dictionary`.

    Raises:
        UserError: The library has no form for it.
    """
    kind = dictionary.sparsity.kind
    if kind not in CLASSES or dictionary.is_transcoder:
        takes = () if dictionary.is_transcoder else CLASSES
        raise refuse(dictionary, "dictionary_learning", takes=takes)
    state = {name: value.contiguous() for name, value in STATES[kind](dictionary).items()}
    with replacing(folder / "ae.pt") as beside:
        torch.save(state, beside)
    trainer: dict[str, Any] = {
        "dict_class": CLASSES[kind],
        "activation_dim": dictionary.d_in,
        "dict_size": dictionary.n_latents,
        "lm_name": card.model,
        "submodule_name": card.site,
        "seed": card.seed,
    }
    if "k" in state:
        trainer["k"] = int(state["k"])
    write_json(folder / "config.json", {"trainer": trainer, "buffer": {}})


def _linear(dictionary: Dictionary) -> dict[str, Tensor]:
    """Return the two matrices and the encoder's bias, as two linear layers hold them."""
    own = parts(dictionary)
    return {
        "encoder.weight": own.W_enc,
        "encoder.bias": own.b_enc,
        "decoder.weight": own.W_dec.T,
    }


def _relu(dictionary: Dictionary) -> dict[str, Tensor]:
    return _linear(dictionary) | {"bias": parts(dictionary).b_dec}


def _topk(dictionary: Dictionary) -> dict[str, Tensor]:
    threshold = jump(dictionary)
    k = max(1, round(dictionary.sparsity.settings()["k"]))  # theirs is a whole number
    return _linear(dictionary) | {
        "b_dec": parts(dictionary).b_dec,
        "k": torch.tensor(k, dtype=torch.int),
        "threshold": torch.tensor(UNSET) if threshold is None else threshold[0],
    }


def _jumprelu(dictionary: Dictionary) -> dict[str, Tensor]:
    own = parts(dictionary)
    threshold = jump(dictionary)
    assert threshold is not None
    return {
        "W_enc": own.W_enc.T,
        "b_enc": own.b_folded,
        "W_dec": own.W_dec,
        "b_dec": own.b_dec,
        "threshold": threshold,
    }


def _gated(dictionary: Dictionary) -> dict[str, Tensor]:
    own, gated = parts(dictionary), magnitude(dictionary)
    return {
        "encoder.weight": own.W_enc,
        "decoder.weight": own.W_dec.T,
        "decoder_bias": own.b_dec,
        "gate_bias": own.b_enc,
        "r_mag": gated["r_mag"],
        "mag_bias": gated["b_mag"],
    }


STATES: dict[str, Callable[[Dictionary], dict[str, Tensor]]] = {
    "relu": _relu,
    "topk": _topk,
    "batch-topk": _topk,
    "jumprelu": _jumprelu,
    "gated": _gated,
}
