"""How well anything linear could tell that a feature is on: the ceiling of F1 against the truth.

A logistic regression a feature, fitted on tokens of the world with the true code as the answer,
says "on" where it gives that more than one half.  A latent, too, is one direction and a threshold,
but learnt without the answers.  Features that were on fewer than `LEAST` times while fitting are
left out: their probes would fit chance.

Axes: n tokens, d width, f features, q features probed.
"""

import time
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.errors import UserError
from unmix.evaluation.planted import APART
from unmix.evaluation.score import Score
from unmix.evaluation.truths import CEILING
from unmix.worlds.world import Sample, World

LEAST = 100
"""Tokens with the feature on from which it is probed."""
RIDGE = 1e-5
"""Weight of the squared weights, beside the mean loss."""
STEPS = 100
"""Most steps of L-BFGS."""


def probe_ceiling(world: World, *, n: int = 32_768, most: int = 256, seed: int = 0) -> Score:
    """Return the mean F1 of logistic probes on tokens they were not fitted on.

    Args:
        n: Tokens to fit on, and again as many to test on.
        most: Features to probe at most, spread over all that are frequent enough.
    """
    start = time.perf_counter()
    fitted, tested = (world.sample(n, seed=seed + APART, number=i) for i in (1_000_000, 1_000_001))
    frequent = (fitted.code.counts() >= LEAST).nonzero().squeeze(1)
    if not len(frequent):
        raise UserError(f"no feature was on {LEAST} times in {n:,} tokens; raise `n`")
    chosen = frequent[torch.linspace(0, len(frequent) - 1, min(most, len(frequent))).long()]
    mean, scale = fitted.x.mean(0), fitted.x.std()
    x, answers = (fitted.x - mean) / scale, _on(fitted, chosen)
    W, b = fit_probes(x, answers)
    said = (tested.x - mean) / scale @ W.T + b > 0
    f1 = _f1(said, _on(tested, chosen))
    seconds = time.perf_counter() - start
    return replace(CEILING, value=float(f1.mean()), n=n, seconds=seconds)


def fit_probes(
    x: Float[Tensor, "n d"], answers: Float[Tensor, "n q"]
) -> tuple[Float[Tensor, "q d"], Float[Tensor, " q"]]:
    """Return the weights and biases of the logistic regressions of every answer on `x`."""
    share = answers.mean(0).clamp(1e-6, 1 - 1e-6)
    W = torch.zeros(answers.shape[1], x.shape[1], requires_grad=True)
    b = (share / (1 - share)).log().requires_grad_()
    optimiser = torch.optim.LBFGS([W, b], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        given = torch.addmm(b, x, W.T)
        total = torch.nn.functional.softplus(given).sum() - (given * answers).sum()
        value = total / len(x) + RIDGE * W.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    return W.detach(), b.detach()


def _on(sample: Sample, features: Int[Tensor, " q"]) -> Float[Tensor, "n q"]:
    """Return one where a feature is on, for some of the features."""
    code = sample.code.fired()
    column = torch.full((code.n_latents,), -1, device=features.device)
    column[features] = torch.arange(len(features), device=features.device)
    where = column[code.latents]
    kept = where >= 0
    out = sample.x.new_zeros(len(code), len(features))
    out[code.tokens[kept], where[kept]] = 1.0
    return out


def _f1(said: Tensor, on: Float[Tensor, "n q"]) -> Float[Tensor, " q"]:
    both = (said * on).sum(0)
    return 2 * both / (said.sum(0) + on.sum(0)).clamp(min=1)
