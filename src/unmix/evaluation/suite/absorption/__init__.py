"""Feature absorption by first letters, from the tokenizer's own words.

letters.py   words, and the lists they are read in
probes.py    a probe for each letter, and the latents that do the same
reading.py   the words read, and what the probe knows of them
judging.py   whether a word's letter was absorbed
scores.py    tables and figures
measure.py   the metric, its controls, and the words kept on disk
"""

from unmix.evaluation.suite.absorption.measure import applies, settings
from unmix.evaluation.suite.absorption.measure import measure as measured
from unmix.evaluation.suite.metric import SuiteMetric

_HERE = "unmix.evaluation.suite.absorption"
METRIC = SuiteMetric(
    name="absorption",
    title="Absorbed first letters",
    sizes=("quick", "full"),
    code=(
        "unmix.evaluation.suite.reader",
        "unmix.evaluation.suite.probing.features",
        "unmix.evaluation.suite.probing.logistic",
        f"{_HERE}.letters",
        f"{_HERE}.probes",
        f"{_HERE}.reading",
        f"{_HERE}.judging",
        f"{_HERE}.scores",
        f"{_HERE}.measure",
    ),
    settings=settings,
    applies=applies,
    measure=measured,
)
