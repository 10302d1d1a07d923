"""`unmix learn`: the learning page in a browser."""

from pathlib import Path
from typing import final

from pydantic import Field

from unmix.cli.console import say, stdout
from unmix.cli.explore import ExploreConfig, view_of
from unmix.cli.parse import parse
from unmix.config import Config
from unmix.errors import UserError

PROG = "unmix learn [RUN]"
USAGE = """The page explains sparse dictionaries by runs that can be looked into.  With the folder
of a run, it shows the same of that, and the explorer is served beside it.  Ctrl-C ends it."""


@final
class LearnConfig(Config):
    """Open the learning page in a browser."""

    port: int | None = Field(default=None, ge=1, le=65535)
    """Port to listen on; by default 8000, or the next that is free."""
    host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen on. There is no password: others who can reach it can read and write."""
    browser: bool = True
    """Open the page, where there is a screen."""
    claims: Path = Path("runs/claims")
    """Folder of what `make claims` recorded."""


def run(argv: list[str]) -> None:
    """Serve the learning page until Ctrl-C, and print its address."""
    folder = Path(argv[0]) if argv and not argv[0].startswith("-") else None
    rest = argv if folder is None else argv[1:]
    config = parse(LearnConfig, rest, prog=PROG, default=LearnConfig(), usage=USAGE)
    if folder is not None and not folder.is_dir():
        raise UserError(f"`{folder}` is no folder of a run; leave it out, or give one")
    from unmix.explorer.app import NO_PAGE, STATIC
    from unmix.explorer.model import Model
    from unmix.explorer.serve import serve
    from unmix.learn.routes import PAGE, Learning, adding
    from unmix.learn.witnesses import Witnesses

    view = None if folder is None else view_of(folder, ExploreConfig())
    model = None if view is None else Model(view.index.run, name=view.index.name or None)
    if view is not None:
        view.model = model
    if not (STATIC / PAGE).is_file():
        say(NO_PAGE)
    learning = Learning(Witnesses(claims=config.claims), None if view is None else view.index.run)
    try:
        serve(
            view,
            host=config.host,
            port=config.port,
            browser=config.browser,
            tell=lambda address: stdout().print(address, markup=False, soft_wrap=True),
            add=adding(learning),
            page="learn/",
        )
    finally:
        if model is not None:
            model.close()
