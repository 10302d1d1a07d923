"""What is trained for the page: worlds, kinds, settings, and how long.

Penalties are given in the units of the world and divided by its scale where they are used: a
weight means `|x - x'|^2 + weight sum z` (L1), or `... + weight L0` (jumprelu), on raw activations.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, final

from unmix.config import Config
from unmix.disk import fingerprint
from unmix.learn.schema import Kind, Origin, WorldFacts
from unmix.training.config import DictionaryConfig
from unmix.training.planted import scaling_of
from unmix.worlds.small import flat, tree
from unmix.worlds.world import World

WORLDS = {"flat": flat, "tree": tree}
FACTS = {
    "flat": WorldFacts(
        d=32,
        F=40,
        m=40,
        k_star=4,
        noise=0.1,
        about="exactly 4 of 40 features on each activation of width 32, all alike",
    ),
    "tree": WorldFacts(
        d=20,
        F=32,
        m=32,
        k_star=3,
        noise=0.02,
        about="2 of 8 parents on each activation of width 20, each with one of its 3 children half "
        "of the time",
    ),
}
BUDGETS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 40)
FROM_TRUTH = (2, 3, 8)
"""Budgets of training that begins at the truth."""
SETTINGS: Mapping[str, Mapping[Kind, tuple[float, ...]]] = {
    "flat": {
        "topk": BUDGETS,
        "relu": (0.05, 0.1, 0.2, 0.28, 0.4, 0.57, 0.8, 1.0, 1.2, 1.6),
        "gated": (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 1.2, 2.4),
        "jumprelu": (0.025, 0.05, 0.06, 0.075, 0.1, 0.2, 0.4, 0.8),
    },
    "tree": {"topk": tuple(k for k in BUDGETS if k <= FACTS["tree"].m)},
}
"""What is tried on each world: `k` of topk, the weight of the penalty of the others."""
LR = 3e-3


@final
class Recipe(Config):
    """How much is trained."""

    seeds: int = 5
    """Worlds, tokens and beginnings that are drawn."""
    steps: int = 1500
    """Steps of every dictionary of the grid."""
    batch: int = 256
    """Tokens a step."""
    fitted: int = 1000
    """Steps in which the encoder is fitted to the true directions, which are held."""
    freed: int = 2000
    """Steps after they are let go."""
    snapshots: int = 40
    """Moments of these that are kept."""
    tokens: int = 16_384
    """Tokens that every dictionary is measured on."""


class Setting(NamedTuple):
    """One dictionary of the grid, before it is trained."""

    world: str
    kind: Kind
    setting: float

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.world}-{self.kind}-{self.setting:g}"

    def config(self, seed: int, *, scale: float) -> DictionaryConfig:
        """Return what is learnt, in a world of that scale."""
        m, k_star = FACTS[self.world].m, FACTS[self.world].k_star
        shared = {"kind": self.kind, "latents": m, "seed": seed, "lr": LR}
        if self.kind == "topk":
            return DictionaryConfig.model_validate(shared | {"k": int(self.setting)})
        power = 2 if self.kind == "jumprelu" else 1
        shared |= {"k": k_star, "weight": self.setting / scale**power}
        recipe = {"recipe": "bricken"} if self.kind == "relu" else {}
        return DictionaryConfig.model_validate(shared | recipe)


def settings(world: str) -> Iterator[Setting]:
    """Yield every dictionary that is trained on a world."""
    for kind, values in SETTINGS[world].items():
        for value in values:
            yield Setting(world, kind, value)


def made(name: str, seed: int) -> World:
    """Return a world of the page."""
    return WORLDS[name](seed=seed)


def scale_of(world: World) -> float:
    """Return by what activations are divided for training."""
    return scaling_of(world).scale


def id_of(one: Setting, seed: int, *, origin: Origin, recipe: Recipe) -> str:
    """Return the address of a run: it changes with all that the run was told."""
    told = {"recipe": recipe.model_dump(), "origin": origin, "seed": seed}
    return fingerprint({**told, "world": one.world, "kind": one.kind, "setting": one.setting})
