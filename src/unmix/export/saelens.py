"""A dictionary as SAELens 6 reads it: `cfg.json` beside `sae_weights.safetensors`.

SAELens has no BatchTopK to use, only to train, and neither have we: both keep a fixed threshold, so
a BatchTopK dictionary is written as a JumpReLU with the same threshold for all latents.
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.files import Card
from unmix.disk import write_json, write_tensors
from unmix.export.names import hook
from unmix.export.parts import jump, magnitude, parts, refuse

FORMAT = "6.0.0"
"""First version that reads this form."""
ARCHITECTURES = {
    "relu": "standard",
    "topk": "topk",
    "abs-topk": "abstopk",
    "batch-topk": "jumprelu",
    "jumprelu": "jumprelu",
    "gated": "gated",
}
TRANSCODERS = {"relu": "", "batch-topk": "jumprelu_", "jumprelu": "jumprelu_"}
PLAIN = {"fold_ln": False, "center_writing_weights": False, "center_unembed": False}
"""Without these TransformerLens changes the activations a dictionary was trained on."""


def write(dictionary: Dictionary, folder: Path, *, card: Card) -> None:
    """Write a dictionary for `sae_lens.SAE.load_from_disk`.

    Raises:
        UserError: SAELens has no form for this kind.
    """
    settings = config(dictionary, card)
    write_tensors(folder / "sae_weights.safetensors", tensors(dictionary), about="SAELens")
    write_json(folder / "cfg.json", settings)


def tensors(dictionary: Dictionary) -> dict[str, Tensor]:
    """Return the tensors under SAELens' names: `W_enc` as `[d, m]`, no centring in transcoders."""
    own = parts(dictionary)
    b_enc = own.b_folded if dictionary.is_transcoder else own.b_enc
    found = {"W_enc": own.W_enc.T, "W_dec": own.W_dec, "b_dec": own.b_dec}
    gated = magnitude(dictionary)
    found = found | gated | {"b_gate" if gated else "b_enc": b_enc}
    threshold = jump(dictionary)
    if threshold is not None:
        found["threshold"] = threshold
    if own.W_skip is not None:
        found["W_skip"] = own.W_skip
    return found


def config(dictionary: Dictionary, card: Card) -> dict[str, Any]:
    """Return `cfg.json`."""
    more: dict[str, Any] = {}
    if dictionary.sparsity.kind in ("topk", "abs-topk"):
        more = {"k": dictionary.sparsity.settings()["k"], "rescale_acts_by_decoder_norm": False}
    if dictionary.is_transcoder:
        more = {"d_out": dictionary.d_out}
    return {
        "architecture": _architecture(dictionary),
        "d_in": dictionary.d_in,
        "d_sae": dictionary.n_latents,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": not dictionary.is_transcoder,
        "normalize_activations": "none",
        "reshape_activations": "none",
        **more,
        "metadata": _metadata(card),
    }


def _architecture(dictionary: Dictionary) -> str:
    kind = dictionary.sparsity.kind
    if not dictionary.is_transcoder:
        return ARCHITECTURES[kind]
    if kind not in TRANSCODERS:
        raise refuse(dictionary, "SAELens", takes=TRANSCODERS)
    return f"{TRANSCODERS[kind]}{'skip_' if dictionary.W_skip is not None else ''}transcoder"


def _metadata(card: Card) -> dict[str, Any]:
    about = {
        "sae_lens_version": FORMAT,
        "model_name": card.model,
        "hook_name": hook(card.site),
        "model_from_pretrained_kwargs": PLAIN,
        "training_architecture": card.kind,
        "l0": card.k,
        "unmix_version": card.version,
        "unmix_source": card.source,
    }
    return about | {"hook_name_out": hook(card.target)} if card.target else about
