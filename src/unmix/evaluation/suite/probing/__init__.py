"""k-sparse probing: a few latents, chosen and read on training examples, against as many of others.

data.py       the data sets: texts with one of two labels
features.py   what is probed, and how columns are chosen
logistic.py   logistic regression, many at a time
trial.py      one data set: split, chosen, fitted, tried
scores.py     means over data sets, differences, figures
measure.py    the metric
"""

from unmix.evaluation.suite.metric import SuiteMetric
from unmix.evaluation.suite.probing.measure import applies, settings
from unmix.evaluation.suite.probing.measure import measure as measured

_HERE = "unmix.evaluation.suite.probing"
METRIC = SuiteMetric(
    name="probing",
    title="Sparse probing",
    sizes=("quick", "full"),
    code=(
        "unmix.evaluation.suite.reader",
        f"{_HERE}.data",
        f"{_HERE}.features",
        f"{_HERE}.logistic",
        f"{_HERE}.trial",
        f"{_HERE}.scores",
        f"{_HERE}.measure",
    ),
    settings=settings,
    applies=applies,
    measure=measured,
)
