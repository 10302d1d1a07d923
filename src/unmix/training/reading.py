"""Where a run's activations come from: a store, a store made first, or the model on the fly."""

from collections.abc import Callable
from pathlib import Path

from unmix.activations.config import SourceConfig
from unmix.activations.harvest import harvest
from unmix.activations.live import LiveSource, decided
from unmix.activations.source import Source
from unmix.activations.store import MANIFEST, open_store, read_manifest
from unmix.errors import UserError
from unmix.training.config import TrainConfig

Progress = Callable[[int, int], None]
"""Tokens read so far, and in all."""


def open_source(
    config: TrainConfig,
    *,
    report: Callable[[str], None] = lambda _: None,
    progress: Progress | None = None,
) -> Source:
    """Open what a config says to read, harvesting into its store what is not there yet."""
    folder = config.folder()
    if folder is None:
        assert config.source is not None  # the config's validator saw to it
        return LiveSource(config.source)
    if config.source is not None and not _is_there(folder, config.source):
        return harvest(config.source, folder, report=report, progress=progress)
    if not folder.exists():
        raise UserError(f"there is no store at `{folder}`; make one with `unmix harvest`")
    return open_store(folder)


def _is_there(folder: Path, wanted: SourceConfig) -> bool:
    """Say whether a whole store of just these settings is there, without loading the model."""
    if not (folder / MANIFEST).is_file():
        return False
    found = read_manifest(folder)
    return found.complete and found.config == decided(wanted)
