"""Read activations as another library does, once for every line on standard input.

`harvest.py` starts this in the environment of `benchmarks/peers.txt` with a file that names the
library, the model's folder, the module and the tokens.  A line in
asks for one turn and a line out says that it is done, so that all can take turns.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ |= {"WANDB_MODE": "disabled", "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}

import numpy as np
import torch

Turn = Callable[[], object]


def saelens(model: str, module: str, tokens: np.ndarray) -> Turn:
    """Take batches from SAELens' store of activations, as its trainer's loader does."""
    from datasets import Dataset
    from sae_lens import ActivationsStore
    from sae_lens.load_model import load_model

    loaded = load_model(
        "AutoModelForCausalLM",
        model,
        device="cpu",
        model_from_pretrained_kwargs={"dtype": "float32"},
    )
    contexts, length = tokens.shape
    store = ActivationsStore(
        model=loaded,
        dataset=Dataset.from_dict({"input_ids": tokens.tolist()}),
        streaming=False,
        hook_name=module,
        hook_head_index=None,
        context_size=length,
        d_in=loaded.model.config.hidden_size,
        n_batches_in_buffer=8,
        total_training_tokens=10**9,
        store_batch_size_prompts=contexts,
        train_batch_size_tokens=4096,
        prepend_bos=False,
        normalize_activations="none",
        device=torch.device("cpu"),
        dtype="float32",
        disable_concat_sequences=True,
    )

    def turn() -> object:
        with torch.no_grad():
            return store.get_raw_llm_batch()

    return turn


def sparsify(model: str, module: str, tokens: np.ndarray) -> Turn:
    """Run the model without its head under a hook, to its end, as sparsify's trainer does."""
    from transformers import AutoModel

    loaded = AutoModel.from_pretrained(model, dtype=torch.float32)
    place = module.removeprefix(f"{loaded.base_model_prefix}.")
    ids, found = torch.from_numpy(tokens), {}
    loaded.get_submodule(place).register_forward_hook(
        lambda _module, _arguments, output: found.update(x=output)
    )

    def turn() -> object:
        with torch.no_grad():
            loaded(ids)
        return found["x"]

    return turn


def main() -> None:
    """Take turns."""
    job = json.loads(Path(sys.argv[1]).read_text())
    readers = {"SAELens": saelens, "sparsify": sparsify}
    turn = readers[job["library"]](job["model"], job["module"], np.load(job["tokens"]))
    turn()
    for _ in sys.stdin:
        turn()
        print("done", flush=True)


if __name__ == "__main__":
    main()
