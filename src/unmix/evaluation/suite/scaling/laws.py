"""Curves of the error over latents `n` and latents a token `k` (Gao et al. 2024, section 3).

    L(n)    = exp(alpha + beta_n log n)
    L(k)    = exp(alpha + beta_k log k)
    L(n, k) = exp(alpha + beta_k log k + beta_n log n + gamma log k log n)
    L(n, k) = the same + exp(zeta + eta log k), what no number of latents rebuilds

All are fitted to log L by least squares.

Axes: p points, c coefficients, r resamples.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

FLOORS = (0.02, 0.1, 0.3, 0.6)
"""Shares of the smallest error that the search for a floor begins at."""


class Law(NamedTuple):
    """One form of curve."""

    coefficients: tuple[str, ...]
    definition: str

    @property
    def has_floor(self) -> bool:
        """Whether an error remains however many latents there are."""
        return "zeta" in self.coefficients


OF_N = Law(("beta_n", "alpha"), "exp(alpha + beta_n log n)")
OF_K = Law(("beta_k", "alpha"), "exp(alpha + beta_k log k)")
OF_BOTH = Law(
    ("beta_n", "beta_k", "gamma", "alpha"),
    "exp(alpha + beta_k log k + beta_n log n + gamma log k log n)",
)
WITH_FLOOR = Law(
    (*OF_BOTH.coefficients, "zeta", "eta"), f"{OF_BOTH.definition} + exp(zeta + eta log k)"
)


class Points(NamedTuple):
    """Dictionaries as points of a curve."""

    n: Float[np.ndarray, " p"]
    """Latents."""
    k: Float[np.ndarray, " p"]
    """Latents a token, as measured."""
    loss: Float[np.ndarray, " p"]

    def without(self, i: int) -> "Points":
        """Return all points but one."""
        return Points(*(np.delete(part, i) for part in self))


def fit(law: Law, points: Points, *, start: Sequence[float] = ()) -> Float[np.ndarray, " c"]:
    """Return the coefficients of the curve nearest to some points, in log L."""
    terms = _terms(law, points)
    if not law.has_floor:
        return np.linalg.lstsq(terms, np.log(points.loss), rcond=None)[0]
    starts = [np.array(start)] if len(start) else _starts(points)

    def off(coefficients: Float[np.ndarray, " c"]) -> Float[np.ndarray, " p"]:
        return np.log(predicted(law, coefficients, points)) - np.log(points.loss)

    found = [least_squares(off, one, x_scale="jac", max_nfev=400) for one in starts]
    return min(found, key=lambda one: float(one.cost)).x


def predicted(
    law: Law, coefficients: Float[np.ndarray, " c"], points: Points
) -> Float[np.ndarray, " p"]:
    """Return the error that a curve gives to some points."""
    terms = _terms(law, points)
    if not law.has_floor:
        return np.exp(terms @ coefficients)
    body = np.exp(np.clip(terms @ coefficients[:-2], -50, 50))
    floor = np.exp(np.clip(coefficients[-2] + coefficients[-1] * np.log(points.k), -50, 50))
    return body + floor


def left_out(law: Law, points: Points, coefficients: Float[np.ndarray, " c"]) -> float:
    """Return by how much a curve through the other points misses each point: rms of log L."""
    start = coefficients.tolist() if law.has_floor else []
    missed = []
    for i in range(len(points.loss)):
        others = fit(law, points.without(i), start=start)
        here = predicted(law, others, points)[i]
        missed.append(np.log(here / points.loss[i]))
    return float(np.sqrt(np.mean(np.square(missed))))


def left_out_of_mean(points: Points) -> float:
    """Return the same of the mean of the other points, which knows neither n nor k."""
    logs = np.log(points.loss)
    others = (logs.sum() - logs) / (len(logs) - 1)
    return float(np.sqrt(np.mean(np.square(others - logs))))


def _terms(law: Law, points: Points) -> Float[np.ndarray, "p c"]:
    n, k = np.log(points.n), np.log(points.k)
    every = {"alpha": np.ones(len(n)), "beta_n": n, "beta_k": k, "gamma": n * k}
    return np.stack([every[name] for name in law.coefficients if name in every], axis=1)


def _starts(points: Points) -> list[Float[np.ndarray, " c"]]:
    """Return a curve without a floor, and some floors under it."""
    made = []
    for share in FLOORS:
        floor = share * points.loss.min()
        body = fit(OF_BOTH, points._replace(loss=points.loss - floor))
        made.append(np.array([*body, np.log(floor), 0.0]))
    return made
