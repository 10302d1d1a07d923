"""A claim, its rules, and what came of them."""

import math
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
    """What it comes to."""
    least: float = -math.inf
    """The least it may come to."""
    most: float = math.inf
    """The most it may come to."""

    @property
    def bound(self) -> str:
        """What is asked for, in words."""
        sides = (("at least", self.least), ("at most", self.most))
        return " and ".join(f"{word} {it:g}" for word, it in sides if math.isfinite(it))


@final
@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement, the runs that may refute it, and the rules by which they do."""

    name: str
    says: str
    source: str
    worlds: Sequence[str]
    """Worlds it is tried in, by name; none for a claim on a language model."""
    numbers: Callable[..., Numbers]
    """From a seed to what was measured; on a language model also from the folder for its runs."""
    rules: Sequence[Rule]
    is_real: bool = False
    """Whether it is on a language model."""


class Outcome(NamedTuple):
    """What came of one rule."""

    rule: Rule
    margins: list[float]
    """What it came to, seed by seed."""

    @property
    def holds(self) -> bool:
        """Whether every seed keeps to the bounds; NaN does not."""
        return all(self.rule.least <= margin <= self.rule.most for margin in self.margins)


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
