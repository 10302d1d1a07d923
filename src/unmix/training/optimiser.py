r"""How a dictionary moves: project, clip, step and renormalise, in one pass over its rows.

    adam     two moments in float32
    adam8    the same in 8 bits: a quarter of the memory
    signum   the sign of the mean gradient
    muon     the mean gradient with all its singular values brought near one

Gradients live here: they are made once, added to in place by every node of the graph, and left
zero by each step.  Biases and thresholds always move by Adam.

Axes: m latents, d width.
"""

from collections.abc import Callable, Mapping
from typing import Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.dictionaries import kernels
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.kernels import plain
from unmix.training.config import Rule

BETA2 = 0.999
EPS = 6.25e-10
"""Gao et al. 2024, appendix A: gradients of rare latents are far below Adam's usual 1e-8."""
NEWTON_SCHULZ = ((3.4445, -4.7750, 2.0315),) * 5
"""Five steps of Jordan et al. 2024 (Muon): singular values end between 0.7 and 1.2."""


@final
class Optimiser:
    """One of several rules, with a clipped gradient and directions of unit length.

    Args:
        dictionary: What it moves; parameters that take no gradient stay.
        rule: By which rule its matrices move.
        beta1: Decay of the mean of gradients.
        clip: Largest norm of the gradient over all parameters, the parts of directions' gradients
            along them left out; or none.
        unit_rows: Whether directions are held at unit length.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        *,
        rule: Rule = "adam",
        beta1: float,
        clip: float | None,
        unit_rows: bool,
    ) -> None:
        self.beta1, self.clip, self.unit_rows, self.steps = beta1, clip, unit_rows, 0
        self._directions = dictionary.W_dec
        self._learnt = {n: p for n, p in dictionary.named_parameters() if p.requires_grad}
        self._rules: dict[str, Rule] = {
            name: rule if p.ndim == 2 else "adam" for name, p in self._learnt.items()
        }
        self._state = {name: _fresh(self._rules[name], p) for name, p in self._learnt.items()}
        for p in self._learnt.values():
            p.grad = torch.zeros_like(p)

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Take one step, and leave every gradient zero."""
        self.steps += 1
        scale = self._scale()
        for name, p in self._learnt.items():
            self._move(name, p, lr, scale)

    def moments(self) -> dict[str, Tensor]:
        """Return what is remembered of every parameter by name, to be saved or filled."""
        return {f"{k}.{name}": v for name, state in self._state.items() for k, v in state.items()}

    def forget(self, latents: Int[Tensor, " some"]) -> None:
        """Set what is remembered of some latents to zero."""
        m = len(self._directions)
        for moment in self.moments().values():
            if len(moment) == m:
                moment[latents] = 0

    def _move(self, name: str, p: Tensor, lr: float, scale: Tensor) -> None:
        """Move one parameter."""
        rule, unit, kernel = self._rules[name], self._is_unit(p), kernels.of(p)
        W, gradient = _rows(p), _rows(_gradient(p))
        state = {k: _rows(v) if v.ndim == p.ndim else v for k, v in self._state[name].items()}
        if rule in ("adam", "adam8"):
            more: dict[str, Any] = {"betas": (self.beta1, BETA2), "eps": EPS, "step": self.steps}
        else:
            more = {"beta": self.beta1}
        move: Callable[..., None] = muon if rule == "muon" else getattr(kernel, rule)
        move(W, gradient, **state, lr=lr, scale=scale, unit=unit, **more)

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


def muon(
    W: Float[Tensor, "m d"],
    gradient: Float[Tensor, "m d"],
    mean: Float[Tensor, "m d"],
    *,
    lr: float,
    beta: float,
    scale: Float[Tensor, ""],
    unit: bool,
) -> None:
    """Step by the orthogonalised mean gradient, at the size of Adam's steps (Liu et al. 2025)."""
    mean.lerp_(plain.across(W, gradient, unit).mul(scale), 1 - beta)
    W.sub_(orthogonal(mean), alpha=lr * 0.2 * max(W.shape) ** 0.5)
    plain.end(W, gradient, unit)


def orthogonal(G: Float[Tensor, "m d"]) -> Float[Tensor, "m d"]:
    """Return a matrix with the singular vectors of `G` and singular values near one."""
    X = G / G.norm().clamp(min=1e-30)
    wide = X.shape[0] < X.shape[1]
    X = X.T if wide else X
    for a, b, c in NEWTON_SCHULZ:
        A = X.T @ X
        X = torch.addmm(X, X, torch.addmm(A, A, A, beta=b, alpha=c), beta=a)
    return X.T if wide else X


def _fresh(rule: Rule, p: Tensor) -> Mapping[str, Tensor]:
    """Return what a rule remembers of a parameter, before the first step."""
    if rule == "adam":
        return {"mean": torch.zeros_like(p), "square": torch.zeros_like(p)}
    if rule == "adam8":
        tops = torch.zeros(len(p), dtype=p.dtype, device=p.device)
        return {
            "mean": torch.zeros_like(p, dtype=torch.int8),
            "mean_top": tops,
            "root": torch.zeros_like(p, dtype=torch.uint8),
            "root_top": tops.clone(),
        }
    return {"mean": torch.zeros_like(p)}


def _rows(tensor: Tensor) -> Tensor:
    """See a vector as one row."""
    return tensor.detach() if tensor.ndim == 2 else tensor.detach()[None]


def _gradient(p: Tensor) -> Tensor:
    assert p.grad is not None
    return p.grad
