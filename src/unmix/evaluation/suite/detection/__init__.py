"""Detection scored without a language model.

corpus.py      tokens, what stands before them, windows
sample.py      the latents drawn, and the shuffled control
rates.py       how often a latent fires on an n-gram
thresholds.py  where a rule draws the line
rules.py       one latent: its rules, made on one half of the documents, tried on the other
scoring.py     numbers of latents as one score
measure.py     the metric
"""

from unmix.evaluation.suite.detection.measure import applies, settings
from unmix.evaluation.suite.detection.measure import measure as measured
from unmix.evaluation.suite.metric import SuiteMetric

_HERE = "unmix.evaluation.suite.detection"
METRIC = SuiteMetric(
    name="detection",
    title="Detection by simple rules",
    sizes=("quick", "full"),
    code=tuple(
        f"{_HERE}.{part}"
        for part in ("corpus", "sample", "rates", "thresholds", "rules", "scoring", "measure")
    ),
    settings=settings,
    applies=applies,
    measure=measured,
)
