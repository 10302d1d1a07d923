"""Explanations by a language model, through any OpenAI-compatible address.

address.py    where the model is; the key comes from the environment
client.py     one question over HTTP, asked again while the server is busy
answers.py    every question and answer on disk, nothing asked twice
prompts.py    what is asked, and how answers are read
examples.py   which excerpts are shown, and which are asked about
cases.py      one latent as a case
judging.py    what an explanation lets a reader foretell
scores.py     the scores of a table
written.py    the explanations where the explorer finds them
measure.py    the metric
"""

from unmix.evaluation.suite.explain.measure import applies, settings
from unmix.evaluation.suite.explain.measure import measure as measured
from unmix.evaluation.suite.metric import SuiteMetric

_SUITE = "unmix.evaluation.suite"
METRIC = SuiteMetric(
    name="explain",
    title="Explanations by a language model",
    sizes=("quick", "full"),
    code=(
        *(
            f"{_SUITE}.explain.{part}"
            for part in ("prompts", "examples", "cases", "judging", "rows", "scores", "measure")
        ),
        *(
            f"{_SUITE}.detection.{part}"
            for part in ("corpus", "sample", "rates", "thresholds", "rules", "scoring")
        ),
    ),
    settings=settings,
    applies=applies,
    measure=measured,
)
