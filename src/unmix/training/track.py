"""Where the numbers of a run go: `metrics.jsonl` always, a tracker if asked.

One line is one dictionary at one step.  After a stop the file is cut back to the step training
goes on from, so it reads as if nothing had happened.
"""

import json
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

from unmix.disk import write_text
from unmix.errors import UserError


@runtime_checkable
class Tracker(Protocol):
    """What trackio and wandb have in common."""

    def log(self, metrics: dict[str, Any], step: int) -> None:
        """Record numbers at a step."""

    def finish(self) -> None:
        """Close the record."""


@final
class Metrics:
    """Appends the lines of a run.

    Args:
        path: The file.
        after: Step that training goes on from: later lines are dropped.
        tracker: Where the numbers go besides.
    """

    def __init__(self, path: Path, *, after: int = 0, tracker: Tracker | None = None) -> None:
        kept = [line for line in read_lines(path) if line["step"] <= after] if after else []
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
        self.file = path.open("a", encoding="utf-8")
        self.tracker = tracker

    def write(self, line: dict[str, Any]) -> None:
        """Append one line, at once on disk."""
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()
        if self.tracker is not None:
            name, step = line["name"], line["step"]
            numbers = {f"{name}/{k}": v for k, v in line.items() if k not in ("name", "step")}
            self.tracker.log(numbers, step=step)

    def close(self) -> None:
        """Close the file and the tracker."""
        self.file.close()
        if self.tracker is not None:
            self.tracker.finish()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a metrics file; a last line cut short by a kill is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    whole = []
    for i, line in enumerate(lines):
        try:
            whole.append(json.loads(line))
        except json.JSONDecodeError as error:
            if i < len(lines) - 1:
                raise UserError(f"`{path}` line {i + 1} is damaged ({error})") from error
    return whole


def open_tracker(name: str, run: Path, config: dict[str, Any]) -> Tracker | None:
    """Start a record with trackio or wandb, which must be installed."""
    if name == "none":
        return None
    from importlib import import_module

    try:
        module = import_module(name)
    except ImportError as error:
        raise UserError(
            f"`track` is `{name}`, which is not installed; pip install {name}"
        ) from error
    own = {"dir": str(run)} if name == "wandb" else {}  # trackio keeps its own place
    return module.init(project="unmix", name=run.name, config=config, **own)
