"""Error and loss against L0 on a language model: three kinds at three budgets.

The three kinds learn from the same activations in the same order, for the same steps.  L1 is
steered towards a budget and need not get there, so that kinds are compared at equal L0: FVU and CE
between two budgets are read off a line in the logarithm of L0.
"""

from collections.abc import Callable
from itertools import pairwise
from math import log
from pathlib import Path

import numpy as np

from unmix.evaluation.claims import language, record
from unmix.evaluation.claims.claim import Claim, Numbers, Rule
from unmix.training.config import DictionaryConfig, SweepConfig, TrainConfig

KINDS, BUDGETS = ("batch-topk", "topk", "relu"), (16, 32, 64)
NEAR = 0.05
"""How far beyond the last point of a curve, in the logarithm of L0, it is still read."""


def numbers(seed: int, folder: Path) -> Numbers:
    """Train nine dictionaries in one run; measure them and what the model loses by each."""
    source = language.harvested(folder)
    config = TrainConfig(
        out=folder / "real" / f"frontier-{seed}-{record.key_of('frontier', is_real=True)}",
        store=str(folder / "real" / "store"),
        dictionary=DictionaryConfig(latents=2304, seed=seed),
        sweep=SweepConfig(kind=KINDS, k=BUDGETS),
        frozen_control=False,
        passes=1.5,
        batch=2048,
        seed=seed,
    )
    run = language.learnt(config)
    return language.measured(run, source, tokens=2048, others=[language.itself("resid.12")])


def gap(n: Numbers, score: str, *, over: str, under: str) -> float:
    """Return how far one kind is over another, at the other's L0; the least over budgets.

    Where the first kind has no dictionary of as many latents a token, it is not compared; where
    it has none of as few, that of its fewest stands in, whose score is better than it would be.
    """
    curve = sorted((n[f"L0, {_name(over, k)}"], n[f"{score}, {_name(over, k)}"]) for k in BUDGETS)
    at, what = [log(l0) for l0, _ in curve], [value for _, value in curve]
    gaps = []
    for k in BUDGETS:
        l0 = log(n[f"L0, {_name(under, k)}"])
        if l0 <= at[-1] + NEAR:
            gaps.append(float(np.interp(l0, at, what)) - n[f"{score}, {_name(under, k)}"])
    return min(gaps, default=float("nan"))


def least_fall(n: Numbers, score: str) -> float:
    """Return the least fall of a score from a budget to the next, over kinds."""
    pairs = [(_name(kind, a), _name(kind, b)) for kind in KINDS for a, b in pairwise(BUDGETS)]
    return min(n[f"{score}, {few}"] - n[f"{score}, {more}"] for few, more in pairs)


def _gap(score: str, over: str, under: str) -> Callable[[Numbers], float]:
    return lambda n: gap(n, score, over=over, under=under)


def _name(kind: str, k: float) -> str:
    return f"{kind}-k{k:g}"


CLAIM = Claim(
    name="frontier",
    says="On the demo's model more latents a token mean less error and less loss for every kind; "
    "at equal L0 BatchTopK is at or under TopK, and both are under L1",
    source="Gao et al. 2024, section 2; Bussmann et al. 2024 (arXiv 2412.06410)",
    worlds=(),
    numbers=numbers,
    is_real=True,
    rules=(
        Rule("least fall of FVU to the next budget", lambda n: least_fall(n, "FVU"), 0.005),
        Rule("least fall of CE to the next budget", lambda n: least_fall(n, "CE"), 0.0),
        Rule("FVU, TopK less BatchTopK", _gap("FVU", "topk", "batch-topk"), -0.002),
        Rule("CE, TopK less BatchTopK", _gap("CE", "topk", "batch-topk"), -0.05),
        Rule("FVU, L1 less BatchTopK", _gap("FVU", "relu", "batch-topk"), 0.01),
        Rule("FVU, L1 less TopK", _gap("FVU", "relu", "topk"), 0.01),
        Rule("CE, L1 less BatchTopK", _gap("CE", "relu", "batch-topk"), 0.0),
        Rule("CE, L1 less TopK", _gap("CE", "relu", "topk"), 0.0),
        Rule(
            "CE with x in its own place, off the model's",
            lambda n: abs(n["CE, itself"] - n["CE, original"]),
            most=1e-3,
        ),
    ),
)
