"""What is compared: the settings shared by all, and which library trains what, by which recipe.

Recipes:

* `default`: every number as the library sets it.
* `adapted`: the default rate times `min(15, sqrt(100,000 / steps))`, a warm-up over 5 % of the
  steps and a linear decay over the last 20 %, which is what unmix does.  Defaults are meant for
  longer runs than this one, so this is what the rest of a library's recipe is worth.
* `scaled`: adapted, and the library's own option to scale its inputs is on.
* `adam`: adapted, with Adam in place of sparsify's default, signum.
* `plain`: unmix without its factor for short runs, the other way round.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import NonNegativeFloat, PositiveInt

from unmix.config import Config
from unmix.training.schedules import short_run

PEERS = {"SAELens": "sae-lens", "dictionary_learning": "dictionary-learning"} | {
    "sparsify": "eai-sparsify"
}
"""Libraries and the names of their packages."""
HERE = Path(__file__).resolve().parent


class Settings(Config):
    """Train sparse dictionaries with several libraries on the same activations and compare them."""

    work: Path = Path("runs/quality")
    """Folder for rows, results and the peers' environment; a run that was stopped goes on here."""
    store: Path | None = None
    """Activations; by default those of the demo, harvested into the work folder."""
    peers: Path | None = None
    """Virtual environment of the peers; by default made in the work folder."""
    table: Path = HERE / "RESULTS.md"
    """File that the table is written to."""
    latents: PositiveInt = 2304
    """Directions in each dictionary, `m`."""
    k: PositiveInt = 32
    """Latents a token."""
    batch: PositiveInt = 4096
    """Tokens a step."""
    steps: PositiveInt = 120
    """Steps of each training."""
    recipes: tuple[str, ...] = ("default", "adapted", "adam", "plain", "scaled")
    """Recipes to compare."""
    seeds: PositiveInt = 3
    """Seeds of each default recipe; a seed decides the start and the order of the rows."""
    spliced_tokens: PositiveInt = 4096
    """Held-out tokens on which the model is run with each dictionary in place."""
    minutes: NonNegativeFloat | None = None
    """Begin no training after so many minutes; the table then holds what is done by then."""
    jobs: PositiveInt = 2
    """Trainings at a time, each with its share of the cores."""

    def shared(self) -> dict[str, int]:
        """Return the settings that a result depends on."""
        names = ("latents", "k", "batch", "steps", "spliced_tokens")
        return {name: getattr(self, name) for name in names}

    @property
    def factor(self) -> float:
        """What a rate meant for a long run is multiplied by in a run of so few steps."""
        return short_run(self.steps)


@dataclass(frozen=True)
class Entry:
    """One training."""

    library: str
    kind: str
    recipe: str
    seed: int

    @property
    def name(self) -> str:
        """What it is called in progress lines."""
        return f"{self.library} {self.kind} {self.recipe} seed {self.seed}"

    def job(self, settings: Settings, data: Path, out: Path) -> dict[str, Any]:
        """Return all that a trainer is told."""
        steps = settings.steps
        schedule = {"warm_up": max(1, round(0.05 * steps)), "decay": max(1, round(0.2 * steps))}
        paths = {"data": str(data), "out": str(out)}
        return asdict(self) | settings.shared() | schedule | paths | {"factor": settings.factor}


def entries(settings: Settings) -> list[Entry]:
    """Return every training, the default recipes first, seed by seed."""
    both = ("topk", "batch-topk")
    default = [("unmix", kind) for kind in both]
    default += [(library, kind) for library in ("SAELens", "dictionary_learning") for kind in both]
    default += [("sparsify", "topk")]
    made = [
        Entry(library, kind, "default", seed)
        for seed in range(settings.seeds)
        for library, kind in default
    ]
    peers = default[2:6]
    once = [(library, kind, "adapted") for library, kind in [*peers, ("sparsify", "topk")]]
    once += [("sparsify", "topk", "adam")]
    once += [("unmix", kind, "plain") for kind in both]
    once += [(library, kind, "scaled") for library, kind in peers]
    made += [Entry(*what, 0) for what in once]
    return [entry for entry in made if entry.recipe in settings.recipes]
