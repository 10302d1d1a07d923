"""What a training run is told: the same object is a recipe, the flags, and the run's record."""

from itertools import product
from pathlib import Path
from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from unmix.activations.config import SourceConfig
from unmix.config import Config

Kind = Literal["relu", "topk", "batch-topk", "jumprelu", "gated", "abs-topk"]
Rule = Literal["adam", "adam8", "signum", "muon"]
PENALISED = ("relu", "jumprelu", "gated")
"""Kinds that a penalty makes sparse; the others keep `k` by construction."""


class DictionaryConfig(Config):
    """What is learnt: the kind of dictionary and how it is optimised."""

    kind: Kind = "batch-topk"
    """Which latents may fire."""
    latents: PositiveInt = 9216
    """Directions in the dictionary, `m`."""
    k: PositiveFloat = 32
    """Latents a token: exactly (topk, abs-topk), on average over a batch (batch-topk), or as the
    target that the penalty is steered to (relu, jumprelu, gated)."""
    k_first: PositiveFloat | None = None
    """topk, batch-topk: latents a token at the first step, from where `k` is reached in a line at
    the last one."""
    refine: NonNegativeFloat = 0.0
    """topk, batch-topk: read each token twice, the second time with so much of what the first look
    left unexplained added to it (a step of LISTA; 0.3)."""
    more: NonNegativeFloat = 0.0
    """topk: weight of rebuilding with four times `k` latents beside (Multi-TopK; 0.125)."""
    weight: PositiveFloat | None = None
    """Fixed weight of the sparsity penalty, instead of steering it to `k`."""
    recipe: Literal["april", "bricken"] = "april"
    """relu: weigh acts by their direction's norm (April 2024) or keep unit rows (Bricken 2023)."""
    penalty: Literal["step", "tanh", "quadratic"] = "step"
    """jumprelu: count what fires, a soft count, or the squared distance from `k`."""
    prefixes: tuple[PositiveInt, ...] = ()
    """Matryoshka: sizes of the nested dictionaries that must rebuild alone, ascending."""
    prefix_weight: PositiveFloat = 1.0
    """Matryoshka: weight of the inner dictionaries beside the whole one (balanced: 0.25)."""
    prefix_apart: bool = False
    """Matryoshka: let a latent learn from the first inner dictionary it is in, and from the whole,
    but from none between."""
    skip: bool = False
    """Transcoder: pass part of the input straight on through a matrix."""
    seed: NonNegativeInt = 0
    """Seed of the initial directions."""
    lr: PositiveFloat | None = None
    """Highest learning rate; by default a function of the latents and the number of steps."""
    optimiser: Rule = "adam"
    """Rule by which the matrices move: `adam`, `adam8` (moments in 8 bits), `signum`, `muon`."""
    clip: PositiveFloat | None = 1.0
    """Largest norm of the gradient over all parameters; `none` leaves it as it is."""
    ema: NonNegativeFloat | None = None
    """Decay of a moving average of the weights, saved instead of the last ones (0.999)."""
    aux: NonNegativeFloat = 1 / 32
    """Weight of the dead latents' share in rebuilding the error (AuxK); 0 turns it off."""
    aux_k: PositiveInt | None = None
    """Dead latents a token that take part in AuxK; by default half the activation width."""
    dead_after: PositiveInt | None = None
    """Tokens without firing after which a latent counts as dead; by default a tenth of the run,
    at most 10 million."""
    resample_every: PositiveInt | None = None
    """Tokens between resamplings of dead latents, through the first half of the run; off by
    default (AuxK does its work)."""
    pre_activation: NonNegativeFloat = 0.0
    """Weight of the pre-activation loss, which draws dead latents towards their threshold (3e-6
    with the tanh penalty in its source)."""

    @model_validator(mode="after")
    def _fits(self) -> "DictionaryConfig":
        """Refuse settings that the kind would ignore."""
        if self.k > self.latents:
            raise ValueError(f"`k` is {self.k:g} but there are {self.latents} latents; lower `k`")
        if self.kind in ("topk", "abs-topk") and self.k != int(self.k):
            raise ValueError(f"`{self.kind}` keeps a whole number of latents; `k` is {self.k:g}")
        if self.k_first is not None and not self.k <= self.k_first <= self.latents:
            raise ValueError(f"`k_first` is {self.k_first:g}; it lies between `k` and `latents`")
        owners = {"recipe": ("relu",), "penalty": ("jumprelu",), "weight": PENALISED}
        owners |= {"more": ("topk",)} | dict.fromkeys(("k_first", "refine"), ("topk", "batch-topk"))
        for name, kinds in owners.items():
            changed = getattr(self, name) != type(self).model_fields[name].default
            if changed and self.kind not in kinds:
                raise ValueError(f"`{name}` has no effect on `{self.kind}`; leave it out")
        if list(self.prefixes) != sorted(set(self.prefixes)):
            raise ValueError(f"`prefixes` must ascend; they are {list(self.prefixes)}")
        if self.prefixes and self.prefixes[-1] > self.latents:
            raise ValueError(f"the prefix {self.prefixes[-1]} exceeds the {self.latents} latents")
        return self

    @property
    def unit_rows(self) -> bool:
        """Whether directions are held at unit length (else their norms weigh the penalty)."""
        soft = self.kind == "jumprelu" and self.penalty == "tanh"
        return not soft and not (self.kind == "relu" and self.recipe == "april")


class SweepConfig(Config):
    """Values to try: a dictionary for each combination, all on one reading of the data."""

    kind: tuple[Kind, ...] = ()
    """Kinds to try."""
    latents: tuple[PositiveInt, ...] = ()
    """Sizes to try."""
    k: tuple[PositiveFloat, ...] = ()
    """Latents a token to try."""
    weight: tuple[PositiveFloat, ...] = ()
    """Penalty weights to try."""
    lr: tuple[PositiveFloat, ...] = ()
    """Learning rates to try."""
    seed: tuple[NonNegativeInt, ...] = ()
    """Seeds to try."""


class TrainConfig(Config):
    """Learn one dictionary, or many at once, from one stream of activations."""

    out: Path = Path("runs/new")
    """Folder for the run: config, metrics, checkpoints, dictionary."""
    store: str | None = None
    """Folder of activations; harvested from `source` first where it is not there yet.  `{out}`
    stands for the run's folder.  Without it the model is read on the fly."""
    source: SourceConfig | None = None
    """The model, the sites and the text to read; a store that is there knows its own."""
    site: str | None = None
    """Site to rebuild; by default the first one of the source."""
    target: str | None = None
    """Another site to rebuild from `site`: a transcoder."""
    dictionary: DictionaryConfig = DictionaryConfig()
    """What is learnt."""
    sweep: SweepConfig = SweepConfig()
    """Values to try, each on the same batches."""
    frozen_control: bool = True
    """Train a twin of the first dictionary whose random directions stay as they are: how much of
    the result needs no learnt direction."""
    passes: PositiveFloat = 1.0
    """Times the training tokens are gone through."""
    batch: PositiveInt = 4096
    """Tokens a step."""
    buffer: PositiveInt = 2**19
    """Tokens shuffled together; the run prints the memory this takes."""
    warm_up: float = 0.05
    """Share of the run in which the learning rate and the penalty rise."""
    decay: float = 0.2
    """Share of the run, at its end, in which the learning rate falls to zero."""
    seed: NonNegativeInt = 0
    """Seed of the order of the data."""
    device: str = "cpu"
    """Where to train: `cpu`, `cuda`, `mps`."""
    log_every: PositiveInt = 10
    """Steps between lines of metrics."""
    save_every: PositiveInt | None = None
    """Steps between checkpoints; by default a tenth of the run."""
    track: Literal["none", "trackio", "wandb"] = "none"
    """Where to send the metrics besides `metrics.jsonl`."""

    @model_validator(mode="after")
    def _readable(self) -> "TrainConfig":
        """Refuse a run with nothing to read, or an impossible twin."""
        if self.store is None and self.source is None:
            raise ValueError("nothing to read: give `store`, or `source`, or both")
        if self.dictionary.skip and self.target is None:
            raise ValueError("`skip` passes the input to another site; name one with `target`")
        self.variants()
        return self

    def variants(self) -> dict[str, DictionaryConfig]:
        """Return every dictionary of the run by name."""
        axes = {name: values for name, values in self.sweep if values}
        made = {}
        for values in product(*axes.values()):
            changed = dict(zip(axes, values, strict=True))
            config = DictionaryConfig.model_validate(self.dictionary.model_dump() | changed)
            name = "-".join(_label(key, value) for key, value in changed.items())
            made[name or _name(config)] = config
        return made

    def folder(self, run: Path | None = None) -> Path | None:
        """Return the store's folder with `{out}` filled in."""
        out = self.out if run is None else run
        return None if self.store is None else Path(self.store.replace("{out}", str(out)))


def _label(key: str, value: object) -> str:
    number = f"{value:g}" if isinstance(value, float) else str(value)
    return number if key == "kind" else f"{key}{number}"


def _name(config: DictionaryConfig) -> str:
    """Name a dictionary that is alone in its run."""
    return f"{config.kind}-{config.latents}-k{config.k:g}"
