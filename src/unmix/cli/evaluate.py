"""`unmix evaluate`: measure a dictionary beside its controls, and write its report."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

from unmix.cli.console import say, stdout
from unmix.cli.parse import parse
from unmix.config import Config
from unmix.disk import read_json
from unmix.errors import UserError

if TYPE_CHECKING:
    from unmix.evaluation.result import Evaluation
    from unmix.evaluation.suite.run import Suite


@final
class EvaluateConfig(Config):
    """Measure the dictionaries of a run beside their controls, and write its report."""

    suite: Literal["quick", "full"] | None = None
    """Also measure probing, absorption, explanations and the rest: `quick` in minutes, `full`."""
    controls: bool = False
    """Also train the same kind on a model of random weights: a second harvest and training."""
    against: Path | None = None
    """A run that differs in its seed alone: the suite says how alike their latents are."""
    probes: Path | None = None
    """Data sets for probes: a folder of CSV or Parquet with `text` and `label`; else the 113."""
    explainer: str | None = None
    """Address of an OpenAI-compatible server that is to explain latents, for the suite."""
    explainer_model: str | None = None
    """Model to ask there; a key is taken from the environment variable OPENAI_API_KEY."""
    json_: bool = False
    """Print every number as JSON instead of the tables."""

    def options(self) -> dict[str, dict[str, object]]:
        """Return what single metrics are told."""
        asked: dict[str, object] = {"url": self.explainer, "model": self.explainer_model}
        told = {}
        if set(asked.values()) != {None}:
            if None in asked.values() or self.suite is None:
                raise UserError(
                    "explanations need an address, a model and a suite: "
                    "`--suite quick --explainer URL --explainer-model NAME`"
                )
            told["explain"] = asked
        if self.against is not None:
            if self.suite is None:
                raise UserError("two runs are compared by a suite: `--suite quick --against RUN`")
            told["stability"] = {"against": str(self.against)}
        if self.probes is not None:
            told |= self._probing(self.probes)
        return told

    def _probing(self, folder: Path) -> dict[str, dict[str, object]]:
        """Return what the metrics that probe are told of a folder of data sets."""
        if self.suite is None:
            raise UserError("probes belong to a suite: `--suite quick --probes FOLDER`")
        from unmix.evaluation.suite.probing.data import asked

        return dict.fromkeys(("probing", "probe_loss"), asked(folder))


def run(argv: list[str]) -> None:
    """Evaluate, and print the tables and the path of the report."""
    is_named = bool(argv) and not argv[0].startswith("-")
    rest = argv[1:] if is_named else argv
    is_one = not rest or rest[0].startswith("-")
    given = rest if is_one else []  # `--help` shows itself and leaves here
    config = parse(EvaluateConfig, given, prog="unmix evaluate RUN", default=EvaluateConfig())
    if not (is_named and is_one):
        raise UserError("evaluate takes the folder of one run: `unmix evaluate RUN`")
    folder = Path(argv[0])
    options = config.options()
    from unmix.evaluation.controls import train_on_random_weights
    from unmix.evaluation.run import evaluate
    from unmix.evaluation.suite.run import run_suite
    from unmix.evaluation.suite.subject import Subject

    subject = Subject(folder, options=options, report=say)
    if config.controls:  # trained first, so that the suite measures it too
        train_on_random_weights(subject.config, subject.source.config, report=say)
    suite = None if config.suite is None else run_suite(subject, config.suite)
    left = () if suite is None else suite.left
    evaluation = evaluate(subject, controls=config.controls, left=left, progress=say)
    if config.json_:
        sys.stdout.write(_as_json(folder, suite))
    else:
        show(evaluation, folder, suite=suite)


def show(evaluation: "Evaluation", folder: Path, *, suite: "Suite | None" = None) -> None:
    """Print the tables of an evaluation and the path of its report."""
    from unmix.evaluation.suite.show import show as tables
    from unmix.evaluation.table import table

    console = stdout()
    console.print(table(evaluation))
    if suite is not None:
        console.print(tables(suite))
    console.print(f"report: {folder / 'report.html'}", markup=False, soft_wrap=True)


def _as_json(folder: Path, suite: "Suite | None") -> str:
    """Return what was written of an evaluation; with a suite, an object of both."""
    evaluation = (folder / "evaluation.json").read_text(encoding="utf-8")
    if suite is None:
        return evaluation
    findings = {
        one.name: read_json(folder / "suite" / f"{one.name}.json") for one in suite.findings
    }
    left = {one.title: one.why for one in suite.left}
    whole = {"evaluation": json.loads(evaluation), "suite": findings, "not measured": left}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
