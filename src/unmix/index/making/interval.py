"""Intervals of shares whose observations come in clusters: documents.

A share p of n observations whose variance, counted by cluster, is v has a design effect
(Kish 1965, section 8.2) of v / (p (1 - p) / n).  The interval is Wilson's (1927) with n divided by
that effect, which is at least 1: Dean and Pagano (2015), "Evaluating confidence interval methods
for binomial proportions in clustered surveys".  It is never empty and never leaves [0, 1], and a
share seen in one document alone counts as if it were seen once.
"""

import numpy as np
from jaxtyping import Float

Z = 1.959963984540054
"""Two-sided 95 %."""


def clustered(
    share: Float[np.ndarray, " m"], variance: Float[np.ndarray, " m"], *, n: np.ndarray
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Return both ends of the 95 % interval of shares, given their variance by cluster."""
    binomial = share * (1 - share) / np.maximum(n, 1)
    effect = np.maximum(
        1, np.divide(variance, binomial, out=np.ones_like(share), where=binomial > 0)
    )
    return wilson(share, np.maximum(n, 1) / effect)


def wilson(
    share: Float[np.ndarray, " m"], n: Float[np.ndarray, " m"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Return both ends of Wilson's 95 % interval of shares of `n` observations, whole or not."""
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    # Rounding aside, the share lies inside and both ends in [0, 1].
    low, high = np.maximum(middle - half, 0), np.minimum(middle + half, 1)
    return np.minimum(low, share), np.maximum(high, share)
