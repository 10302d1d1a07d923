"""Which latents may fire.

A *sparsity* looks at the pre-activations of a batch and says which (token, latent) pairs get an
entry in the code, and what act an entry's pre-activation becomes.  It is the only thing that
differs between encoders, so it is the only thing each of them defines.

Axes: n tokens, m latents, e entries.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd import Function

from unmix.dictionaries.pre import Pre, Selected
from unmix.errors import UserError


class Sparsity(nn.Module, ABC):
    """Keeps few latents; all others are zero."""

    kind: ClassVar[str]

    @abstractmethod
    def select(self, pre: Pre) -> Selected:
        """Pick the pairs that get an entry.  Runs without a graph."""

    @abstractmethod
    def acts(self, pre: Float[Tensor, " e"], latents: Int[Tensor, " e"]) -> Float[Tensor, " e"]:
        """Turn the entries' pre-activations into acts.  Differentiable."""

    @abstractmethod
    def rescale(self, by: Float[Tensor, " m"]) -> None:
        """Adjust so that pre-activations `by` times as large give acts `by` times as large."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the arguments that make this sparsity again (its tensors are saved apart)."""


@final
class ReLU(Sparsity):
    """Keeps what is positive; a penalty in the objective makes it sparse (Bricken et al. 2023)."""

    kind = "relu"

    def select(self, pre: Pre) -> Selected:
        """Pick the positive pairs."""
        return pre.above(pre.b.new_zeros(()))

    def acts(self, pre: Float[Tensor, " e"], latents: Int[Tensor, " e"]) -> Float[Tensor, " e"]:
        """Return the pre-activation itself."""
        return pre.relu()

    def rescale(self, by: Float[Tensor, " m"]) -> None:
        """Nothing to do: ReLU is positively homogeneous."""

    def settings(self) -> dict[str, Any]:
        """Return no arguments."""
        return {}


@final
class TopK(Sparsity):
    """Keeps the `k` largest of each token; what is negative among them is zero (Gao 2024, 2.3)."""

    kind = "topk"

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def select(self, pre: Pre) -> Selected:
        """Pick the `k` largest pairs of each row."""
        return pre.largest(self.k)

    def acts(self, pre: Float[Tensor, " e"], latents: Int[Tensor, " e"]) -> Float[Tensor, " e"]:
        """Return the positive part: a selected zero takes no gradient."""
        return pre.relu()

    def rescale(self, by: Float[Tensor, " m"]) -> None:
        """Refuse unequal factors: they would change which latents are the largest."""
        _one_factor(by, self.kind)

    def settings(self) -> dict[str, Any]:
        """Return `k`."""
        return {"k": self.k}


@final
class AbsTopK(Sparsity):
    """Keeps the `k` of largest magnitude, signed (arXiv 2510.00404)."""

    kind = "abs-topk"

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def select(self, pre: Pre) -> Selected:
        """Pick the `k` pairs of largest magnitude of each row."""
        return pre.largest(self.k, by_size=True)

    def acts(self, pre: Float[Tensor, " e"], latents: Int[Tensor, " e"]) -> Float[Tensor, " e"]:
        """Return the pre-activation with its sign."""
        return pre

    def rescale(self, by: Float[Tensor, " m"]) -> None:
        """Refuse unequal factors: they would change which latents are the largest."""
        _one_factor(by, self.kind)

    def settings(self) -> dict[str, Any]:
        """Return `k`."""
        return {"k": self.k}


@final
class BatchTopK(Sparsity):
    """Keeps the `k * n` largest of a batch of `n` tokens (Bussmann et al. 2024, section 3).

    A dictionary in use sees no batch, so training remembers how large an act had to be to
    survive, and a dictionary in `eval()` applies that as one fixed threshold.
    """

    kind = "batch-topk"
    threshold: Float[Tensor, ""]

    def __init__(self, k: float, *, momentum: float = 0.9) -> None:
        super().__init__()
        self.k = k
        self.momentum = momentum
        self.register_buffer("threshold", torch.tensor(0.0))

    def select(self, pre: Pre) -> Selected:
        """Pick the largest pairs of the batch (training), or those that reach the threshold."""
        if not self.training:
            below = torch.nextafter(self.threshold, self.threshold.new_tensor(-torch.inf))
            return pre.above(below.clamp(min=0))
        found = pre.largest_of_batch(round(self.k * len(pre)))
        if len(found.pre):
            cut = found.pre.min()
            # The first batch sets the threshold; later ones move it slowly.
            self.threshold.lerp_(cut, 1 - self.momentum * (self.threshold != 0).to(cut))
        return found

    def acts(self, pre: Float[Tensor, " e"], latents: Int[Tensor, " e"]) -> Float[Tensor, " e"]:
        """Return the pre-activation itself."""
        return pre.relu()

    def rescale(self, by: Float[Tensor, " m"]) -> None:
        """Scale the threshold; unequal factors would need one threshold a latent."""
        self.threshold.mul_(_one_factor(by, self.kind))

    def settings(self) -> dict[str, Any]:
        """Return `k` and the memory of the threshold."""
        return {"k": self.k, "momentum": self.momentum}


@final
class JumpReLU(Sparsity):
    """Keeps what exceeds a learnt threshold per latent (Rajamanoharan et al. 2024b, section 3).

    The step has no useful derivative; within `bandwidth` around the threshold a rectangle
    stands in for it.  In training the code therefore has entries (of act zero) slightly below.
    """

    kind = "jumprelu"

    def __init__(self, n_latents: int, *, bandwidth: float = 0.02, initial: float = 0.02) -> None:
        super().__init__()
        self.bandwidth = bandwidth
        self.initial = initial
        self.log_threshold = nn.Parameter(torch.full((n_latents,), initial).log())

    def select(self, pre: Pre) -> Selected:
        """Pick the pairs above the threshold, in training also those that nearly are."""
        low = self.log_threshold.exp()
        return pre.above(low - self.bandwidth / 2 if self.training else low)

    def acts(self, pre: Float[Tensor, " e"], latents: Int[Tensor, " e"]) -> Float[Tensor, " e"]:
        """Return the pre-activation where it exceeds its latent's threshold, else zero."""
        return _Jump.apply(pre, self.thresholds(latents), self.bandwidth)

    def fires(self, pre: Float[Tensor, " e"], latents: Int[Tensor, " e"]) -> Float[Tensor, " e"]:
        """Return one where an entry fires, else zero, with the threshold's stand-in gradient."""
        return _Step.apply(pre, self.thresholds(latents), self.bandwidth)

    def thresholds(self, latents: Int[Tensor, " e"]) -> Float[Tensor, " e"]:
        """Return the threshold of each entry's latent."""
        return self.log_threshold.exp()[latents]

    def rescale(self, by: Float[Tensor, " m"]) -> None:
        """Scale each threshold."""
        with torch.no_grad():
            self.log_threshold.add_(by.log())

    def settings(self) -> dict[str, Any]:
        """Return the number of latents and the stand-in's shape."""
        return {
            "n_latents": len(self.log_threshold),
            "bandwidth": self.bandwidth,
            "initial": self.initial,
        }


@final
class Gated(Sparsity):
    """Decides with one affine map of `pre` and measures with another (Rajamanoharan 2024a, 3.2).

    The gate is `pre` itself (its bias is `b_enc`); the magnitude is `exp(r_mag) pre + b_mag`.
    """

    kind = "gated"

    def __init__(self, n_latents: int) -> None:
        super().__init__()
        self.r_mag = nn.Parameter(torch.zeros(n_latents))
        self.b_mag = nn.Parameter(torch.zeros(n_latents))

    def select(self, pre: Pre) -> Selected:
        """Pick the pairs whose gate is open."""
        return pre.above(pre.b.new_zeros(()))

    def acts(self, pre: Float[Tensor, " e"], latents: Int[Tensor, " e"]) -> Float[Tensor, " e"]:
        """Return the magnitude; the gate passes no gradient."""
        return (self.r_mag.exp()[latents] * pre + self.b_mag[latents]).relu()

    def rescale(self, by: Float[Tensor, " m"]) -> None:
        """Scale the magnitude's bias."""
        with torch.no_grad():
            self.b_mag.mul_(by)

    def settings(self) -> dict[str, Any]:
        """Return the number of latents."""
        return {"n_latents": len(self.r_mag)}


KINDS: dict[str, type[Sparsity]] = {
    s.kind: s for s in (ReLU, TopK, BatchTopK, JumpReLU, Gated, AbsTopK)
}


class _Jump(Function):
    """`pre` above the threshold, else zero, with the rectangle as the threshold's gradient."""

    @staticmethod
    def forward(ctx, pre, threshold, bandwidth):
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return pre * (pre > threshold)

    @staticmethod
    def backward(ctx, *gradients):
        pre, threshold = ctx.saved_tensors
        (gradient,) = gradients
        near = _near(pre, threshold, ctx.bandwidth)
        return gradient * (pre > threshold), -gradient * near * threshold / ctx.bandwidth, None


class _Step(Function):
    """One above the threshold, else zero, with the rectangle as the threshold's gradient."""

    @staticmethod
    def forward(ctx, pre, threshold, bandwidth):
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return (pre > threshold).to(pre.dtype)

    @staticmethod
    def backward(ctx, *gradients):
        pre, threshold = ctx.saved_tensors
        (gradient,) = gradients
        return None, -gradient * _near(pre, threshold, ctx.bandwidth) / ctx.bandwidth, None


def _near(pre: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
    """Mark the entries within half a bandwidth of their threshold."""
    return ((pre - threshold).abs() < bandwidth / 2).to(pre.dtype)


def _one_factor(by: Tensor, kind: str) -> Tensor:
    """Return the one factor all latents are scaled by, or refuse."""
    if not torch.allclose(by, by[0], rtol=1e-5):
        raise UserError(
            f"the direction norms of a `{kind}` dictionary differ and cannot be folded into it; "
            "train it with unit rows"
        )
    return by[0]
