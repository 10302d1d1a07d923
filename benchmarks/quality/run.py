"""Compare unmix with other libraries on the same activations, and write the table.

    python benchmarks/quality/run.py

Trains every entry of `plan.py` in a process of its own (the peers in their own environment),
measures what it rebuilds (`measure.py`), and writes `benchmarks/quality/RESULTS.md` (`table.py`).
Every result is kept in the work folder by its settings, so a run that is stopped loses one
training.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

import measure
import rows
import tyro
from peers import environment
from plan import HERE, PEERS, Entry, Settings, entries
from table import write_table

import unmix
from unmix.activations.config import SourceConfig
from unmix.activations.harvest import harvest
from unmix.activations.store import open_store
from unmix.disk import fingerprint, read_json, write_json
from unmix.errors import UserError

GROUP = 14
"""Reconstructions that one pass of the model over the contexts serves."""


class Place(NamedTuple):
    """Where everything is."""

    settings: Settings
    store: Path
    data: Path
    """The rows all are given."""
    python: Path
    """The peers' Python."""


def main() -> None:
    """Do all that is not done yet, then write the table."""
    settings = tyro.cli(Settings)
    try:
        place = prepare(settings)
        results = trained(place)
        splice_all(place, results)
    except UserError as error:
        sys.exit(str(error))
    write_table(
        settings.table, settings, list(results.values()), read_json(place.data / "about.json")
    )
    say(f"wrote `{settings.table}`")


def say(text: str) -> None:
    """Tell the user how far it is."""
    print(text, file=sys.stderr, flush=True)


def prepare(settings: Settings) -> Place:
    """Open or make the store, take the rows from it, and make the peers' environment."""
    work = settings.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if settings.store is None:
        config = SourceConfig(weights=(2.0, 1.0), held_out_tokens=24_576)
        source = harvest(config, work / "store", report=say)
    else:
        source = open_store(settings.store)
    site = next(iter(source.sites))
    tokens = settings.spliced_tokens
    data = work / f"rows-{fingerprint([source.fingerprint, site, tokens])}"
    if not data.exists():
        say(f"taking the rows of `{site}` from the store")
        rows.take(source, site, data, tokens=tokens)
    python = environment(settings.peers or work / "peers", say)
    return Place(settings, source.folder.resolve(), data, python)


def trained(place: Place) -> dict[Path, dict[str, Any]]:
    """Train what has no result yet; return the results of all, by file."""
    work = place.settings.work.resolve()
    store = str(read_json(place.data / "about.json")["store"])
    files = {
        entry: work / "results" / f"{_key(entry, place.settings, store)}.json"
        for entry in entries(place.settings)
    }
    waiting = {entry: file for entry, file in files.items() if not file.exists()}
    minutes = place.settings.minutes
    end = math.inf if minutes is None else time.monotonic() + 60 * minutes
    say(f"{len(files)} trainings, {len(files) - len(waiting)} of them done already")
    with ThreadPoolExecutor(place.settings.jobs) as pool:
        running = {pool.submit(_train, place, e, file, end): e for e, file in waiting.items()}
        try:
            for number, done in enumerate(as_completed(running), len(files) - len(waiting) + 1):
                result = done.result()
                came = "left out, time is up" if result is None else _line(result)
                say(f"[{number}/{len(files)}] {running[done].name}: {came}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    found = {file: read_json(file) for file in files.values() if file.exists()}
    if not found:
        raise UserError("no training was done in `minutes`; give it more")
    return found


def splice_all(place: Place, results: dict[Path, dict[str, Any]]) -> None:
    """Run the model with each reconstruction in place, where that is not done yet."""
    waiting = {
        f"{file.stem} {reading}": (file, reading)
        for file, result in results.items()
        for reading, numbers in result["readings"].items()
        if "ce" not in numbers
    }
    names = list(waiting)
    groups = [names[i : i + GROUP] for i in range(0, len(names), GROUP)]
    say(f"running the model with {len(names)} reconstructions in place, {GROUP} at a time")
    with ThreadPoolExecutor(place.settings.jobs) as pool:
        running = [
            pool.submit(_splice, place, {name: waiting[name] for name in group}) for group in groups
        ]
        try:
            for number, done in enumerate(as_completed(running), 1):
                for name, numbers in done.result().items():
                    file, reading = waiting[name]
                    results[file]["readings"][reading] |= numbers
                    write_json(file, results[file])
                say(f"[{number}/{len(groups)}] done")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for file in results:
        shutil.rmtree(_made(file), ignore_errors=True)


def _splice(place: Place, group: dict[str, tuple[Path, str]]) -> dict[str, Any]:
    """Splice a group in a process of its own."""
    places = {name: (str(_made(file)), reading) for name, (file, reading) in group.items()}
    job = {"store": str(place.store), "data": str(place.data), "places": places}
    job["tokens"] = place.settings.spliced_tokens
    told = _made(next(iter(group.values()))[0]) / "group.json"
    write_json(told, job)
    return json.loads(_run(place, "measure.py", told, python=Path(sys.executable)))


def _train(place: Place, entry: Entry, file: Path, end: float) -> dict[str, Any] | None:
    """Train one entry in a process of its own, measure its reconstructions, keep the result.

    Nothing is done after the time `end`.
    """
    if time.monotonic() > end:
        return None
    settings, out = place.settings, _made(file)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    job = entry.job(settings, place.data, out)
    write_json(out / "job.json", job)
    ours = entry.library not in PEERS
    script = "train_unmix.py" if ours else "train_peer.py"
    python = Path(sys.executable) if ours else place.python
    _run(place, script, out / "job.json", python=python)
    about = json.loads((out / "about.json").read_text())
    readings = {}
    for reading in about.pop("readings"):
        readings[reading] = measure.fidelity(place.data, out, reading)
        (out / f"{reading}-held_out.npy").unlink()
    keep = ("library", "kind", "recipe", "seed")
    result = {name: job[name] for name in keep} | about | {"readings": readings}
    write_json(file, result)
    return result


def _run(place: Place, script: str, job: Path, *, python: Path) -> str:
    """Run one of the scripts beside this one with its share of the cores; return what it said."""
    threads = str(max(1, (os.cpu_count() or 1) // place.settings.jobs))
    done = subprocess.run(
        [str(python), str(HERE / script), str(job)],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
    )
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise UserError(f"`{script} {job}` failed:\n{said}")
    return done.stdout


def _key(entry: Entry, settings: Settings, store: str) -> str:
    """Return what a result depends on, shortened: settings, activations, and the library's code."""
    if entry.library in PEERS:
        code = (HERE.parent / "peers.txt").read_text()
    else:
        root = Path(unmix.__file__).parent
        folders = (root / "dictionaries", root / "training")
        code = "".join(p.read_text() for f in folders for p in sorted(f.rglob("*.py")))
    return fingerprint([vars(entry), settings.shared(), store, code])


def _made(file: Path) -> Path:
    """Return the folder of what a training rebuilt, given the file of its result."""
    return file.parent.parent / "made" / file.stem


def _line(result: dict[str, Any]) -> str:
    """Say in a line what a training came to."""
    parts = [
        f"{reading} FVU {numbers['fvu'][0]:.4f} L0 {numbers['l0'][0]:.1f}"
        for reading, numbers in result["readings"].items()
    ]
    return f"{'; '.join(parts)}; {result['seconds']:.0f} s"


if __name__ == "__main__":
    main()
