"""`unmix export`: what was found, as a page on plain files or in the formats of other libraries."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import final

from pydantic import Field

from unmix.cli.console import counting, say, stdout
from unmix.cli.parse import parse
from unmix.config import Config
from unmix.errors import UserError
from unmix.export.config import DashboardConfig, NamesConfig, SiteConfig

USAGE = """WHAT is one of

  site                  the page of `unmix explore` on plain files, for any web server
  neuronpedia           the files that Neuronpedia imports
  saedashboard          the files that SAEDashboard writes
  notes                 the notes on latents, a line of JSON each; OUT is a file
  saelens, sparsify, dictionary_learning
                        the dictionary itself, as these libraries read it
  learn                 the learning page, for any web server and as one file; it takes no RUN

The first three read the index of the run.  An export that was stopped goes on where it was."""
PROG = "unmix export WHAT RUN OUT"
LEARN = "learn"
DICTIONARIES = ("saelens", "sparsify", "dictionary_learning")


@final
class ExportConfig(Config):
    """Write what was found for others: a page on plain files, or another library's format."""

    dictionary: str | None = None
    """Which dictionary, where the run has several."""
    processes: int | None = Field(default=None, ge=1)
    """How many work at once; by default one a core."""
    site: SiteConfig = SiteConfig()
    """How much of each latent `site` writes."""
    dashboard: DashboardConfig = DashboardConfig()
    """How much of each latent `neuronpedia` and `saedashboard` write."""
    names: NamesConfig = NamesConfig()
    """What things are called by `neuronpedia` and `saedashboard`."""


def run(argv: list[str]) -> None:
    """Write an export, and print where it is."""
    words = [word for word in argv[:3] if not word.startswith("-")]
    config = parse(ExportConfig, argv[len(words) :], prog=PROG, default=ExportConfig(), usage=USAGE)
    if words and words[0] == LEARN:
        _learn(words[1:], config)
        return
    if words and words[0] not in EXPORTS:
        there = ", ".join((*EXPORTS, LEARN))
        raise UserError(f"there is no export `{words[0]}`; there are {there}")
    if len(words) != 3:
        raise UserError(f"export takes what, the folder of a run, and where to: `{PROG}`")
    _check_flags(words[0], config)
    try:
        EXPORTS[words[0]](Path(words[1]), Path(words[2]), config)
    except KeyboardInterrupt:
        say("stopped; the same command goes on where it was")
        raise


def _learn(words: list[str], config: ExportConfig) -> None:
    """Write the learning page."""
    from unmix.learn.site import Page

    if len(words) != 1:
        raise UserError("the learning page is of no run; `unmix export learn OUT`")
    if config != ExportConfig():
        raise UserError("the flags mean nothing to `unmix export learn`; leave them out")
    out = Path(words[0])
    size = Page().write(out)
    say(f"{size / 1e6:,.1f} MB; `{out / 'learn.html'}` alone opens without a server")
    _done(out)


def _check_flags(what: str, config: ExportConfig) -> None:
    """Refuse flags that this export would not look at."""
    looked_at = {"site": ("site",), "neuronpedia": ("dashboard", "names")}
    looked_at["saedashboard"] = looked_at["neuronpedia"]
    default = ExportConfig()
    for group in ("site", "dashboard", "names"):
        if group not in looked_at.get(what, ()) and getattr(config, group) != getattr(
            default, group
        ):
            raise UserError(f"the flags `--{group}.` mean nothing to `unmix export {what}`")


def _site(run: Path, out: Path, config: ExportConfig) -> None:
    from unmix.export.site import Site

    folder = _index(run, config)
    site = Site(folder, out, kept=config.site, processes=_processes(config))
    if not site.is_begun():
        expected = site.estimate()
        minutes = max(expected.seconds / 60, 0.1)
        say(f"about {expected.bytes / 1e6:,.1f} MB, in about {minutes:,.1f} min")
    with counting("export", "latents") as counter:
        size = site.write(counter)
    say(f"{size / 1e6:,.1f} MB; to look at it: `python -m http.server --directory {out}`")
    _done(out)


def _neuronpedia(run: Path, out: Path, config: ExportConfig) -> None:
    from unmix.export.neuronpedia import Writer, write_neuronpedia

    folder = _index(run, config)
    writer = partial(Writer, folder, config.names, counts=config.dashboard)
    with counting("export", "latents") as counter:
        _done(write_neuronpedia(out, writer, processes=_processes(config), counter=counter))


def _saedashboard(run: Path, out: Path, config: ExportConfig) -> None:
    from unmix.export.saedashboard import Writer, write_saedashboard

    folder = _index(run, config)
    writer = partial(Writer, folder, config.names, counts=config.dashboard)
    with counting("export", "latents") as counter:
        _done(write_saedashboard(out, writer, processes=_processes(config), counter=counter))


def _notes(run: Path, out: Path, config: ExportConfig) -> None:
    from unmix.disk import write_text
    from unmix.index.notes import Notes
    from unmix.index.read import open_index

    if out.is_dir():
        raise UserError(f"`{out}` is a folder; name a file for the notes, such as `notes.jsonl`")
    write_text(out, "".join(Notes(open_index(run, dictionary=config.dictionary)).lines()))
    _done(out)


def _dictionary(library: str, run: Path, out: Path, config: ExportConfig) -> None:
    from unmix.export.dictionaries import write_dictionary

    write_dictionary(run, out, library=library, dictionary=config.dictionary)
    _done(out)


def _index(run: Path, config: ExportConfig) -> Path:
    """Return the folder of the index of a run, if it is there and whole."""
    from unmix.index.read import open_index

    return open_index(run, dictionary=config.dictionary).folder


def _processes(config: ExportConfig) -> int:
    return config.processes or len(os.sched_getaffinity(0))


def _done(out: Path) -> None:
    stdout().print(out, markup=False, soft_wrap=True)


EXPORTS: dict[str, Callable[[Path, Path, ExportConfig], None]] = {
    "site": _site,
    "neuronpedia": _neuronpedia,
    "saedashboard": _saedashboard,
    "notes": _notes,
    **{library: partial(_dictionary, library) for library in DICTIONARIES},
}
