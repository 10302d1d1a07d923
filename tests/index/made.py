"""A run on the tiny Llama and its index, made in a few seconds; for the tests of all who read one.

The model is random and its text has no meaning, but everything an index holds is there: special
and massive tokens, training and held-out documents, latents that never fire.
"""

from pathlib import Path

from tests import tiny
from unmix.activations.config import SourceConfig
from unmix.index.build import build
from unmix.training.config import DictionaryConfig, TrainConfig
from unmix.training.run import train


def run(folder: Path, **changes: object) -> Path:
    """Train a small dictionary on a tiny model; return the run folder, which has no index yet.

    Args:
        folder: A new folder; model, text, store and run are put there.
        changes: Settings of the training to change, e.g. `sweep`, or `store=None`.
    """
    model, text = folder / "model", folder / "text"
    if not model.exists():
        tiny.write_llama(model)
        tiny.write_text(text)
    source = SourceConfig(
        model=str(model),
        sites=("resid.0", "mlp.1", "resid.1"),
        text=(str(text),),
        tokens=4000,
        held_out_tokens=1000,
        held_out_share=0.3,
        context=32,
        shard=1024,
        batch=8,
        massive=1.5,
        device="cpu",
    )
    config = TrainConfig(
        out=folder / "run",
        store="{out}/store",
        source=source,
        site="resid.1",
        dictionary=DictionaryConfig(latents=101, k=5),
        passes=2,
        batch=256,
        log_every=10,
        frozen_control=False,
    )
    return train(TrainConfig.model_validate(config.model_dump() | changes))


def indexed(folder: Path, **changes: object) -> Path:
    """Return a run folder as `run` does, with its index in `index/`."""
    made = run(folder, **changes)
    build(made)
    return made
