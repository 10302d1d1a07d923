"""Scaling: how the error falls with latents, and with latents a token.

laws.py      the curves, and how they are fitted
series.py    which dictionaries of a run lie on one curve
measure.py   the metric: coefficients with intervals, and PCA beside them
"""

from unmix.evaluation.suite.metric import SuiteMetric
from unmix.evaluation.suite.scaling.measure import applies, settings
from unmix.evaluation.suite.scaling.measure import measure as measured

_HERE = "unmix.evaluation.suite.scaling"
METRIC = SuiteMetric(
    name="scaling",
    title="Scaling laws",
    sizes=("quick", "full"),
    code=(
        "unmix.evaluation.controls",
        "unmix.evaluation.fidelity",
        f"{_HERE}.laws",
        f"{_HERE}.series",
        f"{_HERE}.measure",
    ),
    settings=settings,
    applies=applies,
    measure=measured,
)
