"""A claim, its rules, and what came of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, final

from unmix.dictionaries.dictionary import Dictionary
from unmix.evaluation.planted import against_truth
from unmix.training.config import DictionaryConfig
from unmix.training.planted import Pupil
from unmix.worlds.world import World

Numbers: TypeAlias = dict[str, float]
SEEDS = (0, 1, 2, 3, 4)
TOKENS = 32_768
"""Tokens a dictionary of a claim is measured on."""


class Rule(NamedTuple):
    """What must be so in every seed."""

    says: str
    """What is compared, in words."""
    margin: Callable[[Numbers], float]
    """By how much it is so."""
    least: float
    """By how much it must be."""


@final
@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement, the runs that may refute it, and the rules by which they do."""

    name: str
    says: str
    source: str
    numbers: Callable[[int], Numbers]
    """From a seed to what was measured."""
    rules: Sequence[Rule]


class Outcome(NamedTuple):
    """What came of one rule."""

    rule: Rule
    margins: list[float]
    """By how much it was so, seed by seed."""

    @property
    def holds(self) -> bool:
        """Whether every seed reaches the least margin; NaN does not."""
        return all(margin >= self.rule.least for margin in self.margins)


def outcomes(claim: Claim, found: Sequence[Numbers]) -> list[Outcome]:
    """Apply a claim's rules to the numbers of every seed."""
    return [Outcome(rule, [rule.margin(numbers) for numbers in found]) for rule in claim.rules]


def pupil(
    kind: str, latents: int, k: float, *, seed: int, start: Dictionary | None = None,
    frozen: bool = False, **settings: Any,
) -> Pupil:  # fmt: skip
    """Return a pupil with the settings that claims share."""
    asked: Mapping[str, Any] = {"kind": kind, "latents": latents, "k": k, "seed": seed, "lr": 3e-3}
    return Pupil(DictionaryConfig.model_validate({**asked, **settings}), start, frozen)


def scores(
    world: World, taught: Mapping[str, Dictionary], names: Sequence[str], *, seed: int
) -> Numbers:
    """Return some scores of every dictionary, called by score and dictionary."""
    made: Numbers = {}
    for name, dictionary in taught.items():
        found = against_truth(world, dictionary, n=TOKENS, seed=seed)
        for score in names:
            value = found[score].value
            made[f"{score}, {name}"] = float("nan") if value is None else value
    return made
