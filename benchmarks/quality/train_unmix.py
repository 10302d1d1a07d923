"""Train one dictionary with unmix; `run.py` starts this as a process of its own.

python train_unmix.py JOB.json
"""

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from batches import Batches, Rebuild, write

from unmix import __version__
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.scaling import Scaling
from unmix.training.config import DictionaryConfig, TrainConfig
from unmix.training.learner import Learner, Length
from unmix.training.loop import fit


def main() -> None:
    """Train what the job says and write what it rebuilds."""
    job = json.loads(Path(sys.argv[1]).read_text())
    started = time.monotonic()
    learner, last = train(job)
    seconds = time.monotonic() - started
    dictionary = learner.finished()
    readings = {"saved": reading(dictionary.eval())}
    if job["kind"] == "batch-topk":
        # Only `batch` moves the remembered threshold, and it comes after `saved`.
        readings["batch"] = reading(dictionary, whole_batch=True)
    facts = {"seconds": seconds, "version": __version__, "lr": learner.highest_lr, "loss": last}
    write(job, readings, **facts)


def train(job: dict[str, Any]) -> tuple[Learner, float]:
    """Train by the default recipe, or (`plain`) without the factor for short runs."""
    moments = np.load(Path(job["data"]) / "moments.npz")
    mean = torch.from_numpy(moments["mean"]).float()
    given = Scaling(mean, float(moments["variance"]) ** 0.5)
    lr = 2e-4 / math.sqrt(job["latents"] / 2**14) if job["recipe"] == "plain" else None
    config = DictionaryConfig(
        kind=job["kind"], latents=job["latents"], k=job["k"], seed=job["seed"], lr=lr
    )
    shape = TrainConfig.model_fields
    length = Length(job["steps"], job["batch"], shape["warm_up"].default, shape["decay"].default)
    learner = Learner(config, given, target=None, length=length)
    batches = ({"site": torch.from_numpy(x)} for x in Batches(job))
    loss = math.nan
    for step in fit({"it": learner}, batches, site="site", steps=job["steps"]):
        loss = float(step.numbers["it"].loss)
    return learner, loss


def reading(dictionary: Dictionary, *, whole_batch: bool = False) -> Rebuild:
    """Return how the dictionary is used: as saved, or with the rule it had in training."""

    @torch.no_grad()
    def rebuild(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        given = torch.from_numpy(x)
        dictionary.train(whole_batch)
        code = dictionary.encode(given)
        return dictionary.decode(code, given).numpy(), code.l0().numpy()

    return rebuild


if __name__ == "__main__":
    main()
