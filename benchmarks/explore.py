"""How long a reader of the page waits, by the number of latents.

    python benchmarks/explore.py [--json] [--run runs/demo] [--tokens 131072] [--latents 4096 65536]

Needs the store of a run, `make demo` makes one.  Dictionaries are made up, as in `index.py`.  The
server runs in a thread of this process and is asked over loopback, one request at a time, about
latents that are seen for the first time: half of them drawn evenly, half by how often they fire.

    acts             positions and values of a latent, from disk; and the same by DuckDB
    latent           `/api/latent/{j}`: all a page of a latent shows but its examples
    examples         `/api/latent/{j}/examples`: twenty, drawn
    misses           `/api/latent/{j}/misses`, where the latent has a rule
    table, select    a query line over all latents: a hundred rows; the numbers of those chosen
    differences      between two slices: every act of the index, once
"""

import unmix  # isort: skip  # noqa: F401  (tells torch how to wait; before torch is loaded)

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from urllib.parse import quote

import duckdb
import numpy as np
import tyro
import uvicorn
from index import made_run
from timing import Row, row, show

from unmix.activations.store import open_store
from unmix.explorer.app import make_app
from unmix.explorer.serve import listen, warm
from unmix.explorer.view import View
from unmix.index.build import build
from unmix.index.read import Index, open_index

WHERE = "density < 1e-3 and logit_kurtosis > 0 and label ~ 'e'"


class Settings(NamedTuple):
    """What is timed."""

    run: Path = Path("runs/demo")
    """A run with a store."""
    tokens: int = 131072
    """Tokens indexed with each dictionary."""
    latents: tuple[int, ...] = (4096, 16384, 65536)
    """Sizes of the dictionaries."""
    k: int = 64
    """Acts a token."""
    looks: int = 200
    """Latents looked at."""
    json: bool = False
    """Print a line of JSON for each number."""


def main() -> None:
    """Time everything and print it."""
    settings = tyro.cli(Settings)
    store = open_store(settings.run / "store")
    place = Path(tempfile.mkdtemp(prefix="unmix-explore-"))
    rows: list[Row] = []
    try:
        for m in settings.latents:
            run = made_run(place / str(m), store, m, settings.k)
            index = open_index(build(run, tokens=settings.tokens))
            rows += measured(index, m, settings.looks)
            shutil.rmtree(run)
    finally:
        shutil.rmtree(place)
    show(rows, as_json=settings.json)


def measured(index: Index, m: int, looks: int) -> list[Row]:
    """Ask for everything about some latents of an index."""
    view = View(index)
    warm(view)
    latents = drawn(index, looks)
    database = duckdb.connect()
    path = index.folder / "codes.parquet"

    def by_duckdb(j: int) -> None:
        query = f"SELECT position, value FROM '{path}' WHERE latent = {j}"
        database.execute(query).fetchnumpy()

    rows = [*waits(f"acts, m={m}", index.codes, latents)]
    rows += waits(f"acts by DuckDB, m={m}", by_duckdb, latents)
    with served(view) as get:
        rows += waits(f"latent, m={m}", lambda j: get(f"/api/latent/{j}"), latents)
        rows += waits(f"examples, m={m}", lambda j: get(f"/api/latent/{j}/examples"), latents)
        ruled = [j for j in latents if index.column("rule_kind")[j]]
        rows += waits(f"misses, m={m}", lambda j: get(f"/api/latent/{j}/misses"), ruled)
        for name in ("table", "select"):
            ask = f"/api/{name}?where={quote(WHERE)}"
            rows += waits(f"{name}, m={m}", lambda _, ask=ask: get(ask), range(20))
        a, b = (quote(f"source:{value}") for value in index.documents.slices["source"].values[:2])
        ask = f"/api/differences?a={a}&b={b}"
        rows.append(row(f"differences, m={m}", [timed(get, ask)], "ms"))
    return rows


def drawn(index: Index, n: int) -> list[int]:
    """Draw latents that fired: half evenly, half by how often."""
    draw, fired = np.random.default_rng(0), index.column("n_fired")
    alive = np.flatnonzero(fired)
    evenly = draw.choice(alive, n // 2, replace=False)
    often = draw.choice(alive, n // 2, replace=False, p=fired[alive] / fired.sum())
    return [*evenly.tolist(), *often.tolist()]


@contextmanager
def served(view: View) -> Iterator[Callable[[str], bytes]]:
    """Serve a view on loopback, and give what asks it."""
    listening = listen("127.0.0.1", None)
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(make_app(view, port=port), log_level="warning"))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    connection = HTTPConnection("127.0.0.1", port)

    def get(address: str) -> bytes:
        connection.request("GET", address)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (address, body)
        return body

    try:
        get("/api/live/state")
        yield get
    finally:
        connection.close()
        server.should_exit = True
        thread.join()
        listening.close()


def waits(name: str, ask: Callable[[int], object], latents: Iterable[int]) -> list[Row]:
    """Return the median wait and the 95th percentile."""
    taken = [timed(ask, latent) for latent in latents]
    return [row(name, taken, "ms"), row(f"{name}, p95", [float(np.quantile(taken, 0.95))], "ms")]


def timed(ask: Callable[..., object], about: object) -> float:
    """Return how many milliseconds an answer takes."""
    start = perf_counter()
    ask(about)
    return 1e3 * (perf_counter() - start)


if __name__ == "__main__":
    main()
