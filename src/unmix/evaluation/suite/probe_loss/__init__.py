"""Probe loss: the cross-entropy of the one best latent, over data sets with two labels.

single.py    a probe on each column, all at once
measure.py   the metric: the best column, on training and on test examples
"""

from unmix.evaluation.suite.metric import SuiteMetric
from unmix.evaluation.suite.probe_loss.measure import applies, settings
from unmix.evaluation.suite.probe_loss.measure import measure as measured

_PROBING = "unmix.evaluation.suite.probing"
METRIC = SuiteMetric(
    name="probe_loss",
    title="Probe loss",
    sizes=("quick", "full"),
    code=(
        "unmix.evaluation.suite.reader",
        f"{_PROBING}.data",
        f"{_PROBING}.features",
        f"{_PROBING}.logistic",
        f"{_PROBING}.trial",
        f"{_PROBING}.measure",
        "unmix.evaluation.suite.probe_loss.single",
        "unmix.evaluation.suite.probe_loss.measure",
    ),
    settings=settings,
    applies=applies,
    measure=measured,
)
