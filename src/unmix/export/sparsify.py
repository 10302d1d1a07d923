"""A dictionary as EleutherAI's sparsify reads it: `cfg.json` beside `sae.safetensors`.

sparsify knows TopK alone: dictionaries centred by `b_dec`, and transcoders that are not.
"""

from pathlib import Path

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.files import Card
from unmix.dictionaries.sparsity import TopK
from unmix.disk import write_json, write_tensors
from unmix.errors import UserError
from unmix.export.parts import parts, refuse


def write(dictionary: Dictionary, folder: Path, *, card: Card) -> None:
    """Write a dictionary for `sparsify.SparseCoder.load_from_disk`.

    Raises:
        UserError: It is not of kind `topk`, or a transcoder between two widths.
    """
    sparsity = dictionary.sparsity
    if not isinstance(sparsity, TopK):
        raise refuse(dictionary, "sparsify", takes=["topk"])
    if dictionary.d_in != dictionary.d_out:
        raise UserError(
            f"sparsify rebuilds the width it reads, and this transcoder leads from "
            f"{dictionary.d_in} to {dictionary.d_out}; it stays in a format of its own"
        )
    own = parts(dictionary)
    tensors = {
        "encoder.weight": own.W_enc,
        "encoder.bias": own.b_folded if dictionary.is_transcoder else own.b_enc,
        "W_dec": own.W_dec,
        "b_dec": own.b_dec,
    }
    if own.W_skip is not None:
        tensors["W_skip"] = own.W_skip
    write_tensors(folder / "sae.safetensors", tensors, about=f"{card.model} {card.site}")
    config = {
        "activation": "topk",
        "expansion_factor": max(1, dictionary.n_latents // dictionary.d_in),
        "normalize_decoder": False,  # rows stay as they were trained
        "num_latents": dictionary.n_latents,
        "k": sparsity.k,
        "multi_topk": False,
        "skip_connection": dictionary.W_skip is not None,
        "transcode": dictionary.is_transcoder,
        "d_in": dictionary.d_in,
    }
    write_json(folder / "cfg.json", config)
