"""Takes a language model apart into features.

    text -> activations -> training -> dictionary -> evaluation -> index -> explorer

Each arrow is a folder here, in that order: `text` and `models` read what is given, `activations`
harvests, `training` learns a dictionary (`dictionaries` is its mathematics), `evaluation` says how
good it is, `index` writes down where every latent fires, `explorer` shows it and `export` hands it
on; `worlds` makes activations whose features are known, and `cli` holds the verbs.

The names below are the ones to build on from Python.  They are imported when first used, so that
`import unmix` costs nothing.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unmix.activations.config import SourceConfig as SourceConfig
    from unmix.activations.harvest import harvest as harvest
    from unmix.activations.live import LiveSource as LiveSource
    from unmix.activations.store import Store as Store
    from unmix.activations.store import open_store as open_store
    from unmix.activations.stream import Stream as Stream
    from unmix.dictionaries.code import Code as Code
    from unmix.dictionaries.dictionary import Dictionary as Dictionary
    from unmix.dictionaries.files import load as load
    from unmix.dictionaries.files import read_card as read_card
    from unmix.errors import UserError as UserError
    from unmix.evaluation.planted import against_truth as against_truth
    from unmix.evaluation.run import evaluate as evaluate
    from unmix.evaluation.seeds import truth_over_seeds as truth_over_seeds
    from unmix.evaluation.seeds import truth_table as truth_table
    from unmix.index.read import Index as Index
    from unmix.index.read import open_index as open_index
    from unmix.models.load import load_model as load_model
    from unmix.models.load import wrap as wrap
    from unmix.models.sites import Site as Site
    from unmix.models.sites import read as read
    from unmix.models.sites import resolve as resolve
    from unmix.models.sites import writing as writing
    from unmix.training.config import DictionaryConfig as DictionaryConfig
    from unmix.training.config import SweepConfig as SweepConfig
    from unmix.training.config import TrainConfig as TrainConfig
    from unmix.training.planted import Pupil as Pupil
    from unmix.training.planted import learn as learn
    from unmix.training.run import resume as resume
    from unmix.training.run import train as train
    from unmix.worlds.named import world as world
    from unmix.worlds.world import World as World

__version__ = "0.1.0"

# The threads of torch and of our kernels take turns on the same cores, so those that wait must not
# spin for long: a fifth of a training step on two cores.  Read when torch is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

PUBLIC = {
    "Code": "dictionaries.code",
    "Dictionary": "dictionaries.dictionary",
    "DictionaryConfig": "training.config",
    "Index": "index.read",
    "LiveSource": "activations.live",
    "Pupil": "training.planted",
    "Site": "models.sites",
    "SourceConfig": "activations.config",
    "Store": "activations.store",
    "Stream": "activations.stream",
    "SweepConfig": "training.config",
    "TrainConfig": "training.config",
    "UserError": "errors",
    "World": "worlds.world",
    "against_truth": "evaluation.planted",
    "evaluate": "evaluation.run",
    "harvest": "activations.harvest",
    "learn": "training.planted",
    "load": "dictionaries.files",
    "load_model": "models.load",
    "open_index": "index.read",
    "open_store": "activations.store",
    "read": "models.sites",
    "read_card": "dictionaries.files",
    "resolve": "models.sites",
    "resume": "training.run",
    "train": "training.run",
    "truth_over_seeds": "evaluation.seeds",
    "truth_table": "evaluation.seeds",
    "world": "worlds.named",
    "wrap": "models.load",
    "writing": "models.sites",
}
"""Where each public name comes from."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in PUBLIC:
        raise AttributeError(f"module `unmix` has no attribute `{name}`")
    return getattr(import_module(f"unmix.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return [*PUBLIC, "__version__"]
