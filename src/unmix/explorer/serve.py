"""The server on a port of this machine, until it is stopped."""

import errno
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import uvicorn
from fastapi import FastAPI

from unmix.errors import UserError
from unmix.explorer.answers.examples import examples
from unmix.explorer.answers.latent import latent
from unmix.explorer.answers.search import by_words
from unmix.explorer.app import make_app
from unmix.explorer.guard import ANYWHERE
from unmix.explorer.view import View
from unmix.index.examples import Wish

FIRST, TRIED = 8000, 50
"""The port that is taken by default, and how many are tried from there on."""


TAKEN = (errno.EADDRINUSE, errno.EACCES)


def serve(
    view: View | None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    browser: bool = True,
    tell: Callable[[str], None] = lambda _: None,
    add: Callable[[FastAPI], None] | None = None,
    page: str = "",
) -> None:
    """Answer requests until the process is interrupted.

    Args:
        view: What is shown; None for what `add` adds alone.
        host: The address to listen on.
        port: The port; by default the first that is free from `FIRST` on.
        browser: Whether to open the page in a browser, where there is a screen for one.
        tell: Is told the address of the page as soon as it answers.
        add: Adds more addresses to the server.
        page: Which page is opened; the explorer's by default.

    Raises:
        UserError: The port is taken, or the address is none of this machine's.
    """
    listening = listen(host, port)
    number = listening.getsockname()[1]
    config = uvicorn.Config(
        make_app(view, host=host, port=number, add=add),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    opened = address(host, number) + page
    tell(opened)
    if view is not None:
        _beside(partial(warm, view))
    if browser and has_screen():
        _beside(partial(webbrowser.open, opened))
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # how uvicorn hands on the signal that stopped it
        return
    finally:
        listening.close()


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens: on the port asked for, or on the first that is free.

    Raises:
        UserError: The port is taken, or the address is none of this machine's.
    """
    for number in range(FIRST, FIRST + TRIED) if port is None else (port,):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Named, the protocol lets asyncio send without Nagle's delay of 40 ms an answer.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":  # a port that was just left may be taken again
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, number))
            listening.listen(128)
        except (OSError, TypeError, UnicodeError) as error:  # the latter for what is no name
            listening.close()
            if port is not None or getattr(error, "errno", None) not in TAKEN:
                why = getattr(error, "strerror", None) or "no such address"
                raise UserError(
                    f"cannot listen on `{ascii(host)[1:-1]}`, port {number} ({why}); choose "
                    "another port with `--port`, or another address with `--host`"
                ) from error
        else:
            return listening
    raise UserError(f"ports {FIRST} to {FIRST + TRIED - 1} are all taken; choose one with `--port`")


def address(host: str, port: int) -> str:
    """Return where the page is, for a browser on this machine."""
    if host in ANYWHERE:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _beside(work: Callable[[], object]) -> None:
    """Do something in a thread that does not keep the process alive."""
    threading.Thread(target=work, daemon=True).start()


def warm(view: View) -> None:
    """Read what every page needs, so that the first one asked for need not wait for it."""
    often = int(view.index.column("n_fired").argmax())
    latent(view, often)
    examples(view, often, Wish(n=1), around=1)
    by_words(view, "the", kind="token", limit=1)
    with suppress(UserError):  # a dictionary that is not there is told of when it is needed
        _ = view.index.directions


def has_screen() -> bool:
    """Say whether there is a screen on which a browser could open."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
