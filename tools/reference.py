"""Write the tables of flags in `docs/cli.md` from the configs, so that the two never differ.

.venv/bin/python tools/reference.py
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from unmix.cli.demo import DemoConfig
from unmix.cli.evaluate import EvaluateConfig
from unmix.cli.explore import ExploreConfig
from unmix.cli.export import ExportConfig
from unmix.cli.flags import flags
from unmix.cli.harvest import HarvestConfig
from unmix.cli.index import IndexConfig
from unmix.cli.learn import LearnConfig
from unmix.config import Config
from unmix.training.config import TrainConfig

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
CONFIGS: dict[str, type[Config]] = {
    "harvest": HarvestConfig,
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "index": IndexConfig,
    "explore": ExploreConfig,
    "learn": LearnConfig,
    "export": ExportConfig,
    "demo": DemoConfig,
}
BLOCK = re.compile(r"(<!-- flags of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def render(text: str) -> str:
    """Return a page with its tables made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{table(CONFIGS[found[2]])}\n{found[3]}", text)


def table(kind: type[Config]) -> str:
    """Return the flags of a config as a table."""
    return "".join(f"| {' | '.join(row)} |\n" for row in _rows(kind))


def _rows(kind: type[Config]) -> Iterator[tuple[str, str, str]]:
    yield "flag", "default", "what it is"
    yield "---", "---", "---"
    for name, value, default, about in flags(kind):
        typed = f"`{name} {value}`" if value else f"`{name}`"
        yield typed, _shown(default), about.replace("|", "\\|")


def _shown(default: object) -> str:
    if default is None or default == () or default is False:
        return ""
    if isinstance(default, tuple):
        return f"`{' '.join(map(str, default))}`"
    return "on" if default is True else f"`{default}`"


if __name__ == "__main__":
    before = PAGE.read_text(encoding="utf-8")
    after = render(before)
    PAGE.write_text(after, encoding="utf-8")
    sys.stderr.write("docs/cli.md: " + ("as it was\n" if after == before else "written anew\n"))
