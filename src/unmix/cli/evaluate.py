"""`unmix evaluate`: measure a dictionary beside its controls, and write its report."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, final

from unmix.cli.console import say, stdout
from unmix.cli.parse import parse
from unmix.config import Config
from unmix.errors import UserError

if TYPE_CHECKING:
    from unmix.evaluation.result import Evaluation


@final
class EvaluateConfig(Config):
    """Measure the dictionaries of a run beside their controls, and write its report."""

    controls: bool = False
    """Also train the same kind on a model of random weights: a second harvest and training."""
    json_: bool = False
    """Print every number as JSON instead of the table."""


def run(argv: list[str]) -> None:
    """Evaluate, and print the table and the path of the report."""
    folders = [word for word in argv if not word.startswith("-")]
    rest = [word for word in argv if word.startswith("-")]
    config = parse(EvaluateConfig, rest, prog="unmix evaluate RUN", default=EvaluateConfig())
    if len(folders) != 1:
        raise UserError("evaluate takes the folder of one run: `unmix evaluate RUN`")
    folder = Path(folders[0])
    from unmix.evaluation.run import evaluate

    evaluation = evaluate(folder, controls=config.controls, progress=say)
    if config.json_:
        sys.stdout.write((folder / "evaluation.json").read_text(encoding="utf-8"))
    else:
        show(evaluation, folder)


def show(evaluation: "Evaluation", folder: Path) -> None:
    """Print the table of an evaluation and the path of its report."""
    from unmix.evaluation.table import table

    console = stdout()
    console.print(table(evaluation))
    console.print(f"report: {folder / 'report.html'}", markup=False, soft_wrap=True)
