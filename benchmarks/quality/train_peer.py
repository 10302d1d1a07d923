"""Train one dictionary with another library, by that library's own trainer, start to end.

    PEERS/bin/python train_peer.py JOB.json

`run.py` starts this in the environment of `benchmarks/peers.txt`.  Each function below changes
what its docstring says and leaves every other number to the library.  What comes back is what the
library's own saved file rebuilds when the library loads it again.
"""

import json
import os
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import chain, repeat
from pathlib import Path
from typing import Any, NamedTuple

os.environ |= {"WANDB_MODE": "disabled", "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}

import numpy as np
import torch
from batches import Batches, Rebuild, write
from torch import Tensor, nn


class Trained(NamedTuple):
    """What a library made of the rows."""

    readings: dict[str, Rebuild]
    """Ways to use it, `saved` first."""
    lr: float
    """Its highest learning rate."""
    seconds: float
    """Time of the training."""
    package: str
    """Name of the library's package."""


def main() -> None:
    """Train what the job says and write what it rebuilds."""
    job = json.loads(Path(sys.argv[1]).read_text())
    libraries = {"SAELens": saelens, "dictionary_learning": dictionary_learning}
    library = (libraries | {"sparsify": sparsify})[job["library"]]
    with tempfile.TemporaryDirectory(dir=job["out"]) as folder:
        made = library(job, Path(folder))
        about = {"seconds": made.seconds, "lr": made.lr, "version": version(made.package)}
        write(job, made.readings, **about)


def saelens(job: dict[str, Any], folder: Path) -> Trained:
    """Train with SAELens' `SAETrainer.fit`.

    Default: nothing is set but sizes.  Adapted: rate, warm-up and decay.  Scaled: also
    `normalize_activations="expected_average_only_in"`, measured on one pass over the rows.
    """
    from sae_lens import (
        SAE,
        BatchTopKTrainingSAEConfig,
        LanguageModelSAERunnerConfig,
        LoggingConfig,
        SAETrainer,
        TopKTrainingSAEConfig,
        TrainingSAE,
    )

    kind = TopKTrainingSAEConfig if job["kind"] == "topk" else BatchTopKTrainingSAEConfig
    batches = Batches(job)
    options: dict[str, Any] = {"d_in": batches.rows.shape[1], "d_sae": job["latents"]}
    schedule: dict[str, Any] = {}
    if job["recipe"] == "scaled":
        options["normalize_activations"] = "expected_average_only_in"
        schedule["n_batches_for_norm_estimate"] = job["steps"]
    if job["recipe"] != "default":
        lr = LanguageModelSAERunnerConfig.__dataclass_fields__["lr"].default
        schedule["lr"] = lr * job["factor"]
        schedule |= {"lr_warm_up_steps": job["warm_up"], "lr_decay_steps": job["decay"]}
    config = LanguageModelSAERunnerConfig(
        sae=kind(**options, k=job["k"]),
        training_tokens=job["steps"] * job["batch"],
        train_batch_size_tokens=job["batch"],
        n_batches_in_buffer=2 * job["batch"],  # unused here, but its check wants it large enough
        checkpoint_path=None,
        logger=LoggingConfig(log_to_wandb=False),
        **schedule,
    )
    torch.manual_seed(job["seed"])
    sae = TrainingSAE.from_dict(config.sae.to_dict())
    endless = map(torch.from_numpy, chain.from_iterable(repeat(batches)))
    trainer = SAETrainer(config.to_sae_trainer_config(), sae, endless)
    started = time.monotonic()
    trainer.fit()
    seconds = time.monotonic() - started
    sae.save_inference_model(folder)
    readings = {"saved": _dense(SAE.load_from_disk(folder))}
    if job["kind"] == "batch-topk":
        readings["batch"] = _dense(sae)
    return Trained(readings, config.lr, seconds, "sae-lens")


def dictionary_learning(job: dict[str, Any], folder: Path) -> Trained:
    """Train with dictionary_learning's `trainSAE`.

    Default: it refuses a run shorter than its warm-up of 1,000 steps, so a shorter run warms up to
    its last step but one.  Adapted: rate, warm-up, decay, and the step at which BatchTopK begins to
    remember a threshold (1,000 by default).  Scaled: also `normalize_activations=True`.
    """
    from dictionary_learning.trainers.batch_top_k import BatchTopKSAE, BatchTopKTrainer
    from dictionary_learning.trainers.top_k import AutoEncoderTopK, TopKTrainer
    from dictionary_learning.training import trainSAE

    batches, steps = _Tensors(Batches(job)), job["steps"]
    lr = 2e-4 / (job["latents"] / 2**14) ** 0.5
    schedule: dict[str, Any] = {"warmup_steps": min(1000, steps - 1)}
    if job["recipe"] != "default":
        lr *= job["factor"]
        schedule = {"lr": lr, "warmup_steps": job["warm_up"], "decay_start": steps - job["decay"]}
        schedule["threshold_start_step"] = min(1000, job["warm_up"])
    topk = job["kind"] == "topk"
    trainer = {"trainer": TopKTrainer if topk else BatchTopKTrainer, "steps": steps}
    sizes = {"activation_dim": batches.width, "dict_size": job["latents"], "k": job["k"]}
    names = {"layer": 0, "lm_name": "none", "device": "cpu", "seed": job["seed"]}
    started = time.monotonic()
    trainSAE(
        batches,
        [trainer | sizes | names | schedule],
        steps,
        save_dir=str(folder),
        normalize_activations=job["recipe"] == "scaled",
        device="cpu",
    )
    seconds = time.monotonic() - started
    sae = (AutoEncoderTopK if topk else BatchTopKSAE).from_pretrained(folder / "trainer_0/ae.pt")
    readings = {"saved": _dense(sae)}
    if not topk:
        readings["batch"] = _dense(sae, use_threshold=False)
    return Trained(readings, lr, seconds, "dictionary-learning")


def sparsify(job: dict[str, Any], folder: Path) -> Trained:
    """Train with sparsify's `Trainer.fit`, on a model whose one layer looks activations up.

    Default: signum, no warm-up, averaged weights.  Adapted: its rate.  Adam: its other optimiser,
    with rate and warm-up; the rate then falls linearly from there on, which is not an option.
    """
    from sparsify import SparseCoder, SparseCoderConfig, TrainConfig, Trainer

    base, schedule = 5e-3, {}
    if job["recipe"] == "adam":
        base, schedule = 2e-4, {"optimizer": "adam", "lr_warmup_steps": job["warm_up"]}
    lr = base / (job["latents"] / 2**14) ** 0.5
    if job["recipe"] != "default":
        lr *= job["factor"]
        schedule["lr"] = lr
    config = TrainConfig(
        SparseCoderConfig(num_latents=job["latents"], k=job["k"]),
        hookpoints=["site"],
        init_seeds=[job["seed"]],
        log_to_wandb=False,
        save_dir=str(folder),
        run_name="run",
        **schedule,
    )
    batches = Batches(job)
    contexts = torch.from_numpy(batches.order.reshape(job["steps"] * config.batch_size, -1))
    dataset = [{"input_ids": numbers} for numbers in contexts]
    trainer = Trainer(config, dataset, _Lookup(batches.rows))  # type: ignore[arg-type]
    started = time.monotonic()
    trainer.fit()
    seconds = time.monotonic() - started
    coder = SparseCoder.load_from_disk(folder / "run" / "site")

    @torch.no_grad()
    def rebuild(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        acts, latents, _ = coder.encode(torch.from_numpy(x))
        return coder.decode(acts, latents).numpy(), (acts != 0).sum(1).numpy()

    return Trained({"saved": rebuild}, lr, seconds, "eai-sparsify")


class _Tensors:
    """Batches as torch tensors that may be changed in place."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.width = batches.rows.shape[1]

    def __iter__(self) -> Any:
        """Give every batch once."""
        return map(torch.from_numpy, self.batches)


class _Lookup(nn.Module):
    """A language model as sparsify sees one; its "tokens" are numbers of rows."""

    def __init__(self, rows: np.ndarray) -> None:
        super().__init__()
        self.rows, self.site = rows, nn.Identity()
        self.device = torch.device("cpu")
        self.dummy_inputs = {"input_ids": torch.zeros(1, 1, dtype=torch.long)}

    @property
    def base_model(self) -> nn.Module:
        """The model without its head."""
        return self

    def forward(self, input_ids: Tensor) -> Tensor:
        """Carry the rows with these numbers."""
        return self.site(torch.from_numpy(self.rows[input_ids.numpy()].astype(np.float32)))


def _dense(sae: Any, **options: Any) -> Rebuild:
    """Return how a dictionary with dense acts rebuilds."""

    @torch.no_grad()
    def rebuild(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        acts = sae.encode(torch.from_numpy(x), **options)
        return sae.decode(acts).numpy(), (acts != 0).sum(1).numpy()

    return rebuild


if __name__ == "__main__":
    main()
