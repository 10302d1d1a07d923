"""Adam on the rows of a dictionary: project, clip, step and renormalise in one pass.

Gradients live here: they are made once, added to in place by every node of the graph, and left
zero by each step.

Axes: m latents, d width.
"""

from typing import final

import torch
from jaxtyping import Int
from torch import Tensor

from unmix.dictionaries import kernels
from unmix.dictionaries.dictionary import Dictionary

BETA2 = 0.999
EPS = 6.25e-10
"""Gao et al. 2024, appendix A: gradients of rare latents are far below Adam's usual 1e-8."""


@final
class Optimiser:
    """Adam with a clipped gradient and directions of unit length.

    Args:
        dictionary: What it moves; parameters that take no gradient stay.
        beta1: Decay of the mean of gradients.
        clip: Largest norm of the gradient over all parameters, the parts of directions' gradients
            along them left out; or none.
        unit_rows: Whether directions are held at unit length.
    """

    def __init__(
        self, dictionary: Dictionary, *, beta1: float, clip: float | None, unit_rows: bool
    ) -> None:
        self.beta1, self.clip, self.unit_rows, self.steps = beta1, clip, unit_rows, 0
        self._directions = dictionary.W_dec
        self._learnt = {n: p for n, p in dictionary.named_parameters() if p.requires_grad}
        self._mean = {name: torch.zeros_like(p) for name, p in self._learnt.items()}
        self._square = {name: torch.zeros_like(p) for name, p in self._learnt.items()}
        for p in self._learnt.values():
            p.grad = torch.zeros_like(p)

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Take one step, and leave every gradient zero."""
        self.steps += 1
        scale = self._scale()
        for name, p in self._learnt.items():
            kernels.of(p).adam(
                _rows(p),
                _rows(_gradient(p)),
                _rows(self._mean[name]),
                _rows(self._square[name]),
                lr=lr,
                betas=(self.beta1, BETA2),
                eps=EPS,
                step=self.steps,
                scale=scale,
                unit=self._is_unit(p),
            )

    def moments(self) -> dict[str, Tensor]:
        """Return the moments of every parameter by name, to be saved or filled."""
        means = {f"mean.{name}": moment for name, moment in self._mean.items()}
        return means | {f"square.{name}": moment for name, moment in self._square.items()}

    def forget(self, latents: Int[Tensor, " some"]) -> None:
        """Set the moments of some latents to zero."""
        m = len(self._directions)
        for moment in self.moments().values():
            if len(moment) == m:
                moment[latents] = 0.0

    def _scale(self) -> Tensor:
        """Return what brings the gradient's norm down to `clip`."""
        if self.clip is None:
            return torch.ones((), device=self._directions.device)
        parts = [
            kernels.of(p).squares(_rows(p), _rows(_gradient(p)), self._is_unit(p)).double().sum()
            for p in self._learnt.values()
        ]
        return (self.clip / torch.stack(parts).sum().sqrt().clamp(min=1e-12)).clamp(max=1.0)

    def _is_unit(self, p: Tensor) -> bool:
        return self.unit_rows and p is self._directions


def _rows(tensor: Tensor) -> Tensor:
    """See a vector as one row."""
    return tensor.detach() if tensor.ndim == 2 else tensor.detach()[None]


def _gradient(p: Tensor) -> Tensor:
    assert p.grad is not None
    return p.grad
