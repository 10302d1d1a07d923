"""`unmix VERB ...`: find the verb, run it, and turn what goes wrong into a sentence.

Exit status: 0 done, 2 input that cannot be used, 130 stopped by the user.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module

from unmix import __version__
from unmix.errors import UserError

VERBS = {
    "harvest": "read activations from a language model and keep them on disk",
    "train": "learn a dictionary from activations",
    "evaluate": "measure a dictionary beside its controls, and write its report",
    "index": "write down where every latent fires, and what follows from it",
    "explore": "open a run in a browser",
    "learn": "see what all this is about: a page of questions, runs and claims",
    "export": "write it for others: a page on plain files, or another library's format",
    "demo": "all of these, on a model and text that pip brings",
}
"""In the order of the data flow; each is a module of this folder with a function `run`."""

USAGE = 2
STOPPED = 128 + signal.SIGINT


def main(argv: list[str] | None = None) -> int:
    """Run what was typed and return the exit status."""
    words = sys.argv[1:] if argv is None else argv
    try:
        with _ended_as_interrupted():
            _dispatch(words)
    except UserError as error:
        return _end(f"error: {error}", USAGE)
    except KeyboardInterrupt:
        return STOPPED
    except BrokenPipeError:  # the reader of a pipe has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


@contextmanager
def _ended_as_interrupted() -> Iterator[None]:
    """Make SIGTERM, as a scheduler sends it, act like Ctrl-C while the block runs."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _dispatch(words: list[str]) -> None:
    """Run a verb, or show the help or the version."""
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(overview())
    elif words[0] in ("-V", "--version"):
        sys.stdout.write(f"unmix {__version__}\n")
    elif words[0] in VERBS:
        run: Callable[[list[str]], None] = import_module(f"unmix.cli.{words[0]}").run
        run(words[1:])
    else:
        near = get_close_matches(words[0], VERBS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(VERBS)}"
        raise UserError(f"there is no verb `{words[0]}`; {hint}")


def overview() -> str:
    """Return what `unmix --help` shows."""
    verbs = "\n".join(f"  {verb:10}{about}" for verb, about in VERBS.items())
    return (
        "usage: unmix VERB ...\n\n"
        "Takes a language model apart into features: text, activations, dictionary, numbers\n\n"
        f"{verbs}\n\n"
        "`unmix VERB --help` lists the flags of a verb; `unmix demo` is the place to start\n"
    )


def _end(sentence: str, status: int) -> int:
    """Write the last sentence to stderr."""
    sys.stderr.write(f"{sentence}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
