"""The page's numbers of a dictionary: those of `unmix.evaluation.planted`, under its names."""

import copy
from collections.abc import Sequence

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import TopK
from unmix.evaluation.planted import Energies, against_truth, passing
from unmix.evaluation.truths import TRUTHS
from unmix.learn.schema import Metric, Numbers
from unmix.worlds.world import World

NAMES = {
    "nmse": "FVU",
    "l0": "L0",
    "mcc": "MCC",
    "f1": "F1",
    "gamma": "relative bias",
    "slope": "slope",
    "offset": "offset",
    "absorption": "absorption",
    "absorption_off": "missed alone",
    "lean": "child's lean",
}
"""The page's name of a score, and the score."""
READ = 4096
"""Tokens that a dictionary is read on with other budgets than its own."""


def measured(world: World, dictionary: Dictionary, *, n: int) -> Numbers:
    """Measure a dictionary against the truth of its world."""
    scores = against_truth(world, dictionary, n=n, batch=min(n, 4096))
    found = {ours: scores[name].value for ours, name in NAMES.items() if name in scores}
    dead = scores["dead latents"].value or 0.0
    alive = round((1 - dead) * dictionary.n_latents)
    rest = dict.fromkeys(NAMES.keys() - found.keys())
    return Numbers.model_validate({**found, **rest, "alive": alive})


def read_with(world: World, dictionary: Dictionary, budgets: Sequence[int]) -> dict[str, float]:
    """Return FVU of a TopK dictionary that is read with other budgets than its own."""
    found = {}
    for k in budgets:
        other = copy.deepcopy(dictionary)
        other.sparsity = TopK(k)
        energies = Energies(world.width)
        for seen in passing(world, other, n=READ, batch=READ):
            energies.add(seen.sample.x, seen.rebuilt, seen.code, seen.sample.code)
        found[str(k)] = energies.found()["FVU"]
    return found


def metrics() -> dict[str, Metric]:
    """Return what each number means."""
    return {
        ours: Metric(
            definition=TRUTHS[name].definition,
            better=TRUTHS[name].better,
            source=TRUTHS[name].source,
        )
        for ours, name in NAMES.items()
    }
