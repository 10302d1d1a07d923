"""One run of another library that takes turns; `train.py` starts this in the peers' environment.

    PEERS/bin/python run_peer.py JOB.json

Each library runs by its own means from the model's folder and the ids of the tokens to the saved
dictionary; only sizes are set.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ |= {"WANDB_MODE": "disabled", "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}

import numpy as np
import torch
from turns import Channel, Clock, after, every

Job = dict[str, Any]


def main() -> None:
    """Train what the job says."""
    job = json.loads(Path(sys.argv[1]).read_text())
    library = {"SAELens": saelens, "sparsify": sparsify}[job["library"]]
    channel = Channel()
    library(job, np.load(job["tokens"]), channel)
    channel.pause()


def saelens(job: Job, tokens: np.ndarray, channel: Channel) -> None:
    """Train by SAELens' `LanguageModelSAETrainingRunner`; its model stops at the site.

    Its buffer holds two batches, half of which stay for mixing.
    """
    from datasets import Dataset
    from sae_lens import LanguageModelSAERunnerConfig, LoggingConfig, TopKTrainingSAEConfig
    from sae_lens.llm_sae_training_runner import LanguageModelSAETrainingRunner
    from sae_lens.training.activations_store import ActivationsStore
    from sae_lens.training.sae_trainer import SAETrainer

    contexts = job["batch"] // job["context"]
    config = LanguageModelSAERunnerConfig(
        sae=TopKTrainingSAEConfig(d_in=job["width"], d_sae=job["latents"], k=job["k"]),
        model_class_name="AutoModelForCausalLM",
        model_name=job["folder"],
        hook_name=job["module"],
        model_from_pretrained_kwargs={"dtype": "float32"},
        is_dataset_tokenized=True,
        prepend_bos=False,  # the ids have it
        context_size=job["context"],
        store_batch_size_prompts=contexts,
        n_batches_in_buffer=2 * contexts,
        train_batch_size_tokens=job["batch"],
        training_tokens=job["turns"] * job["steps"] * job["batch"],
        checkpoint_path=None,
        output_path=job["out"],
        logger=LoggingConfig(log_to_wandb=False),
    )
    clock = Clock()
    clock.watch(ActivationsStore, "get_activations", part="model")
    clock.watch(SAETrainer, "step", part="dictionary")
    after(SAETrainer, "step", every(job["steps"], lambda: channel.pause(**clock.take())))
    channel.pause()
    dataset = Dataset.from_dict({"input_ids": tokens.tolist()})
    LanguageModelSAETrainingRunner(config, override_dataset=dataset).run()


def sparsify(job: Job, tokens: np.ndarray, channel: Channel) -> None:
    """Train by sparsify's `Trainer.fit`, with signum, its default; it runs the whole model."""
    from sparsify import SparseCoderConfig, TrainConfig, Trainer
    from transformers import AutoModel

    contexts = job["batch"] // job["context"]
    channel.pause()
    model = AutoModel.from_pretrained(job["folder"], dtype=torch.float32)
    config = TrainConfig(
        SparseCoderConfig(num_latents=job["latents"], k=job["k"]),
        batch_size=contexts,
        hookpoints=[job["module"].removeprefix(f"{model.base_model_prefix}.")],
        log_to_wandb=False,
        save_dir=job["out"],
        run_name="run",
    )
    wanted = job["turns"] * job["steps"] * contexts
    dataset = [{"input_ids": ids} for ids in torch.from_numpy(tokens[:wanted])]
    trainer = Trainer(config, dataset, model)  # type: ignore[arg-type]
    after(trainer.optimizers[-1], "step", every(job["steps"], channel.pause))
    trainer.fit()


if __name__ == "__main__":
    main()
