"""One dictionary while it learns: its weights, its optimiser, and all that must survive a stop.

Axes: n tokens, i and o widths of input and target, m latents.
"""

import copy
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.scaling import Scaling, fold, unit_rows
from unmix.dictionaries.sparsity import BatchTopK, TopK
from unmix.training import objectives
from unmix.training.build import new_dictionary
from unmix.training.config import PENALISED, DictionaryConfig
from unmix.training.health import Health
from unmix.training.objectives import Look
from unmix.training.optimiser import Optimiser
from unmix.training.penalty import Penalty
from unmix.training.resample import resample
from unmix.training.schedules import RATES, default_lr, falling, ramp, trapezoid

MORE = 4
"""How many times `k` Multi-TopK rebuilds with beside (Gao et al. 2024, section 5.3)."""


class Length(NamedTuple):
    """How long a run is, and its shape over time."""

    steps: int
    batch: int
    warm_up: float
    decay: float


class Numbers(NamedTuple):
    """What one step of one dictionary came to, on its batch."""

    loss: Tensor
    """Everything that was minimised, per token and dimension."""
    fvu: Tensor
    """Fraction of variance unexplained, before this step's update."""
    l0: Tensor
    """Latents that fired, per token."""
    dead: int
    """Latents that have not fired within the window."""
    lr: float
    weight: float | None
    """Weight of the sparsity penalty, for kinds that have one."""


@final
class Learner:
    """A dictionary, what it is asked to minimise, and the state of its optimiser.

    Args:
        config: Kind, size and settings.
        given: Scaling of the activations it reads.
        target: Scaling of the activations it rebuilds, for a transcoder.
        length: Steps and their size.
        frozen: Whether the directions stay as they were drawn (a control).
    """

    def __init__(
        self,
        config: DictionaryConfig,
        given: Scaling,
        *,
        target: Scaling | None,
        length: Length,
        frozen: bool = False,
        device: str = "cpu",
    ) -> None:
        self.config, self.given, self.target, self.length = config, given, target, length
        self.frozen = frozen
        d_out = None if target is None else len(target.mean)
        self.dictionary = new_dictionary(config, len(given.mean), d_out=d_out).to(device)
        self.dictionary.W_dec.requires_grad_(not frozen)
        usual = default_lr(config.latents, length.steps) * RATES[config.optimiser]
        self.highest_lr = config.lr or usual
        self.optimiser = Optimiser(
            self.dictionary,
            rule=config.optimiser,
            beta1=0.0 if config.kind in ("jumprelu", "gated") else 0.9,
            clip=config.clip,
            unit_rows=config.unit_rows,
        )
        dead_after = config.dead_after or min(10_000_000, length.steps * length.batch // 10)
        self.health = Health(config.latents, dead_after=dead_after, device=device)
        self.penalty = Penalty(fixed=config.weight, k=config.k, initial=0.1, steps=length.steps)
        self.average = copy.deepcopy(self.dictionary) if config.ema else None

    def step(self, x: Float[Tensor, "n i"], target: Float[Tensor, "n o"], number: int) -> Numbers:
        """Learn from one batch of scaled activations; `number` counts from 1."""
        dead = self.health.dead()
        config = self.config
        if config.k_first is not None:
            steps = self.length.steps
            self._keep(falling(number, steps, first=config.k_first, last=config.k))
        look = objectives.look_at(
            self.dictionary.train(),
            x,
            target,
            prefixes=config.prefixes,
            prefix_weight=config.prefix_weight,
            prefix_apart=config.prefix_apart,
        )
        weight = self.penalty.weight(ramp(number, self.length.steps, warm_up=self.length.warm_up))
        loss = self._loss(look, dead, weight)
        loss.backward()
        lr = self._update(number)
        with torch.no_grad():
            l0 = look.code.l0().mean()
            fvu = (look.error.norm() / target.norm()).square()
        self.health.update(look.code)
        if self.config.kind in PENALISED:
            self.penalty.observe(float(l0))
        self._resample(look, number)
        penalised = weight if self.config.kind in PENALISED else None
        width = target.shape[1]
        return Numbers(loss.detach() / width, fvu, l0, len(dead), lr, penalised)

    def finished(self) -> Dictionary:
        """Return the dictionary as it is now, for use on raw activations."""
        best = self.average or self.dictionary
        best = copy.deepcopy(best)
        if self.config.unit_rows:
            unit_rows(best)
        return fold(best, self.given, target=self.target).eval().requires_grad_(False)

    def _loss(self, look: Look, dead: Tensor, weight: float) -> Tensor:
        """Add up the objectives of this kind."""
        config = self.config
        loss = look.reconstruction
        if config.kind == "relu":
            loss = loss + weight * objectives.l1(look, by_norm=not config.unit_rows)
        elif config.kind == "gated":
            loss = loss + weight * objectives.gate_l1(look)
            loss = loss + objectives.gate_reconstruction(look)
        elif config.kind == "jumprelu":
            loss = loss + weight * self._count(look)
        if config.more:
            loss = loss + config.more * objectives.more(look, MORE * int(config.k))
        if config.aux:
            k = config.aux_k or max(1, look.target.shape[1] // 2)
            loss = loss + config.aux * objectives.auxk(look, dead, k)
        if config.pre_activation:
            loss = loss + config.pre_activation * objectives.pre_activation(look, dead)
        return loss

    def _keep(self, k: float) -> None:
        """Let so many latents a token fire from now on."""
        for sparsity in (self.dictionary.sparsity, self.dictionary.first):
            if isinstance(sparsity, TopK):
                sparsity.k = round(k)
            elif isinstance(sparsity, BatchTopK):
                sparsity.k = k

    def _count(self, look: Look) -> Tensor:
        """Return JumpReLU's penalty."""
        if self.config.penalty == "step":
            return objectives.l0_step(look)
        if self.config.penalty == "tanh":
            return objectives.l0_tanh(look)
        return objectives.l0_quadratic(look, self.config.k)

    def _update(self, number: int) -> float:
        """Take one step of the optimiser; return its learning rate."""
        length = self.length
        shape = trapezoid(number, length.steps, warm_up=length.warm_up, decay=length.decay)
        lr = self.highest_lr * shape
        self.optimiser.step(lr)
        if self.average is not None:
            self._follow(1 - (self.config.ema or 0.0))
        return lr

    @torch.no_grad()
    def _follow(self, by: float) -> None:
        """Move the averaged weights towards the present ones."""
        assert self.average is not None
        now = self.dictionary.state_dict()
        for name, old in self.average.state_dict().items():
            old.lerp_(now[name], by)

    def _resample(self, look: Look, number: int) -> None:
        """Give dead latents new directions, where the recipe asks for it."""
        every = self.config.resample_every
        tokens, whole = number * self.length.batch, self.length.steps * self.length.batch
        if not every or tokens > whole // 2 or tokens // every == (tokens - len(look.x)) // every:
            return
        dead = self.health.dead(every // 2)
        resample(look, dead, self.optimiser, seed=self.config.seed * 1_000_003 + number)
        self.health.revive(dead)
