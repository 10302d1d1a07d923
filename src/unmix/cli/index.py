"""`unmix index`: write down every act of every latent, and all that follows from them."""

from pathlib import Path
from typing import final

from pydantic import PositiveInt

from unmix.cli.console import counting, say, stdout
from unmix.cli.parse import parse
from unmix.config import Config
from unmix.errors import UserError

USAGE = (
    """Without `--text` the activations the run was trained on are read, both sides of the split."""
)


@final
class IndexConfig(Config):
    """Write down where every latent fires, and all that can be counted from it."""

    dictionary: str | None = None
    """Which dictionary, where the run has several."""
    text: tuple[str, ...] = ()
    """Another text: `news`, `stdlib`, a file, a folder, or `hub:owner/name[:config][@split]`."""
    tokens: PositiveInt | None = None
    """Most tokens to index, about; by default as many as the run read."""
    part: str | None = None
    """Only a part of the shards, e.g. `2/4`, here or on another machine; once all parts are there,
    the command without it puts them together."""
    umap: bool = False
    """Also draw a map by UMAP (the extra `map`)."""
    anew: bool = False
    """Replace an index of other activations, or one that is there already."""
    device: str = "auto"
    """Where to encode; `auto` takes a GPU if there is one."""


def run(argv: list[str]) -> None:
    """Index a run, and print the folder of the index."""
    folder = Path(argv[0]) if argv and not argv[0].startswith("-") else None
    rest = argv if folder is None else argv[1:]
    config = parse(IndexConfig, rest, prog="unmix index RUN", default=IndexConfig(), usage=USAGE)
    if folder is None:
        raise UserError("index takes the folder of a run first: `unmix index RUN`")
    from unmix.index.build import build

    try:
        with counting("reading") as reading, counting("merging", "acts") as merging:
            out = build(
                folder,
                **config.model_dump(exclude={"part"}),
                part=None if config.part is None else numbers(config.part),
                report=say,
                progress=reading,
                merging=merging,
            )
    except KeyboardInterrupt:
        say("stopped; the same command goes on where it was")
        raise
    stdout().print(out, markup=False, soft_wrap=True)


def numbers(part: str) -> tuple[int, int]:
    """Return both numbers of `2/4`."""
    number, _, n = part.partition("/")
    if not (number.isdecimal() and n.isdecimal()):
        raise UserError(f"`--part` is two numbers, as in `2/4`, not `{part}`")
    return int(number), int(n)
