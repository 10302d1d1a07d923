"""`unmix explore`: open a run in a browser."""

from pathlib import Path
from typing import TYPE_CHECKING, final

from pydantic import Field

from unmix.cli.console import counting, say, stdout
from unmix.cli.parse import parse
from unmix.config import Config
from unmix.errors import UserError

if TYPE_CHECKING:
    from unmix.explorer.view import View

PROG = "unmix explore RUN"
USAGE = """The page shows every latent: where it fires, what it writes, what is near it.  An index
is written first if the run has none.  Ctrl-C ends it."""


@final
class ExploreConfig(Config):
    """Open a run in a browser."""

    dictionary: str | None = None
    """Which dictionary, where the run has several."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Port to listen on; by default 8000, or the next that is free."""
    host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen on. There is no password: others who can reach it can read and write."""
    browser: bool = True
    """Open the page, where there is a screen."""
    index: bool = True
    """Write an index if there is none."""
    beside: tuple[Path, ...] = ()
    """Other runs, or their indexes, to compare with."""
    notes: Path | None = None
    """Take over the notes of this file, as the page exports them."""


def run(argv: list[str]) -> None:
    """Serve the page of a run until Ctrl-C, and print its address."""
    folder = Path(argv[0]) if argv and not argv[0].startswith("-") else None
    rest = argv if folder is None else argv[1:]
    config = parse(ExploreConfig, rest, prog=PROG, default=ExploreConfig(), usage=USAGE)
    if folder is None:
        raise UserError(f"explore takes the folder of a run first: `{PROG}`")
    show(folder, config)


def show(run: Path, config: ExploreConfig) -> None:
    """Index a run if need be, and serve its page."""
    from unmix.explorer.app import NO_PAGE, STATIC
    from unmix.explorer.model import Model
    from unmix.explorer.serve import serve

    view = view_of(run, config)
    model = Model(view.index.run, name=view.index.name or None)
    view.model = model
    if not (STATIC / "index.html").is_file():
        say(NO_PAGE)
    try:
        serve(
            view,
            host=config.host,
            port=config.port,
            browser=config.browser,
            tell=lambda address: stdout().print(address, markup=False, soft_wrap=True),
        )
    finally:
        model.close()


def view_of(run: Path, config: ExploreConfig) -> "View":
    """Open all that is shown."""
    from unmix.explorer.view import View
    from unmix.index.read import open_index

    wanted = indexed(run, config.dictionary) if config.index else run
    index = open_index(wanted, dictionary=None if config.index else config.dictionary)
    others = {}
    for folder in config.beside:
        other = open_index(folder)
        name = _name(other.run, other.name)
        others[str(folder) if name in others else name] = other
    view = View(index, others=others)
    _ = view.explanations  # a line that is none is told of now, and not on every page
    if config.notes is not None:
        _take_notes(view, config.notes)
    return view


def indexed(run: Path, dictionary: str | None = None) -> Path:
    """Return the folder of a run's index, which is written if there is none."""
    from unmix.index.manifest import is_complete
    from unmix.index.read import find

    folder = run / "index" / dictionary if dictionary else find(run)
    if is_complete(folder):
        return folder
    say(f"an index of `{run}` is needed first")
    from unmix.index.build import build

    with counting("index") as counter:
        return build(run, dictionary=dictionary, report=say, progress=counter)


def _take_notes(view: "View", file: Path) -> None:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(
            f"`{file}` cannot be read ({why}); give a file that `unmix export notes` wrote"
        ) from error
    say(f"{view.notes.take(lines)} notes taken from `{file}`")


def _name(run: Path, dictionary: str) -> str:
    """Return what another index is called: its run, and its dictionary if that has a name."""
    name = run.absolute().name
    return f"{name}/{dictionary}" if dictionary else name
