"""Which dictionaries of a run lie on one curve, and which form of curve they allow."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from unmix.evaluation.suite.scaling.laws import OF_BOTH, OF_K, OF_N, WITH_FLOOR, Law
from unmix.evaluation.suite.shapes import groups
from unmix.training.config import DictionaryConfig

FEWEST = 4
"""Values of n, or of k, that a curve over it takes."""
BOTH, EACH = 6, 2
"""Dictionaries that a curve over both takes, and values of each."""
BOTH_FLOOR, EACH_FLOOR = 9, 3
"""The same with a floor."""
WHY_NOT = (
    f"a curve takes {FEWEST} dictionaries that differ in `latents` alone or in `k` alone, or "
    f"{BOTH} that differ in both: train with `--sweep.latents` and `--sweep.k`"
)


class Series(NamedTuple):
    """Dictionaries on one curve."""

    name: str
    law: Law
    names: list[str]


def series(every: Mapping[str, DictionaryConfig]) -> list[Series]:
    """Return every curve that the dictionaries of a run allow."""
    made = []
    for names in groups(every, but=["latents", "k", "weight", "seed"]):
        law = _of_both([every[name] for name in names])
        if law is not None:
            made.append(Series(f"L(n, k), {every[names[0]].kind}", law, names))
    for names in groups(every, but=["latents", "seed"]):
        if len({every[name].latents for name in names}) >= FEWEST:
            made.append(Series(f"L(n), {_of(every[names[0]])}", OF_N, names))
    for names in groups(every, but=["k", "weight", "seed"]):
        if len({_level(every[name]) for name in names}) >= FEWEST:
            first = every[names[0]]
            made.append(Series(f"L(k), {first.kind}, {first.latents:,} latents", OF_K, names))
    return _told_apart(made)


def _level(config: DictionaryConfig) -> tuple[float, float | None]:
    return config.k, config.weight


def _of(config: DictionaryConfig) -> str:
    level = f"k {config.k:g}" if config.weight is None else f"weight {config.weight:g}"
    return f"{config.kind}, {level}"


def _of_both(configs: Sequence[DictionaryConfig]) -> Law | None:
    """Return the form of curve over both that some dictionaries allow."""
    levels = {_level(one) for one in configs}
    fewest = min(len({one.latents for one in configs}), len(levels))
    places = len({(one.latents, _level(one)) for one in configs})
    if places >= BOTH_FLOOR and fewest >= EACH_FLOOR:
        return WITH_FLOOR
    return OF_BOTH if places >= BOTH and fewest >= EACH else None


def _told_apart(every: list[Series]) -> list[Series]:
    """Add the first dictionary to names that are not the only ones."""
    names = [one.name for one in every]
    return [
        one if names.count(one.name) == 1 else one._replace(name=f"{one.name} ({one.names[0]} …)")
        for one in every
    ]
