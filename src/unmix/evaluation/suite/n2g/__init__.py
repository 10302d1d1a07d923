"""N2G: token patterns from a latent's strongest contexts, tried on held-out documents.

patterns.py   contexts -> patterns with wildcards; where they fit
measure.py    the metric: precision, recall, by the size of the act; the patterns kept on disk
"""

from unmix.evaluation.suite.metric import SuiteMetric
from unmix.evaluation.suite.n2g.measure import applies, settings
from unmix.evaluation.suite.n2g.measure import measure as measured

_HERE = "unmix.evaluation.suite.n2g"
_DETECTION = "unmix.evaluation.suite.detection"
METRIC = SuiteMetric(
    name="n2g",
    title="Token patterns (N2G)",
    sizes=("quick", "full"),
    code=(
        *(f"{_HERE}.{part}" for part in ("patterns", "by_model", "trying", "scores", "measure")),
        f"{_DETECTION}.corpus",
        f"{_DETECTION}.sample",
        f"{_DETECTION}.scoring",
    ),
    settings=settings,
    applies=applies,
    measure=measured,
)
