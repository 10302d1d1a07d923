"""Do the claims still hold?  `python -m unmix.learn.verify` runs their witnesses.

    equation   its promise, on 50 draws of the functions its symbols point to
    code       the listing, from its bytes: the file as recorded, the same output, exit 0
    demo       the answer to a question over the recorded runs; some of these are run again
    claim      the numbers of `make claims`, over five seeds
    measured   the trade on a real model

Two lights that have nothing to do with each other come of it: whether the sources were compared
with the claim as it is now, and whether everything that can run agrees.  Both go to
`recorded/status.json`, which the page shows as it is: a claim that fails stays, in red.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import torch

from unmix.disk import write_text
from unmix.errors import UserError
from unmix.evaluation.claims import record
from unmix.evaluation.claims.claim import outcomes
from unmix.evaluation.claims.record import commit
from unmix.evaluation.claims.run import load
from unmix.learn import listing, real
from unmix.learn.again import Compared, again, drawn, used
from unmix.learn.asked import Check, Checks, Claim, Claims, Witness
from unmix.learn.content import scope_hash
from unmix.learn.equations import EQUATIONS
from unmix.learn.evaluators import Answer, answer
from unmix.learn.files import RECORDED, read
from unmix.learn.keys import key
from unmix.learn.probe import differences
from unmix.learn.recipe import Recipe
from unmix.learn.restarts import found_all
from unmix.learn.schema import Grid, Listing, Provenance, Real
from unmix.learn.told import ClaimState, Operation, State, Status, Support, WitnessState

DRAWS = 50
"""Draws on which an equation is tried."""
ALSO = 4
"""Runs that no claim looks at and that are run again, too."""
CLAIMS = Path("runs/claims")
RESTARTS = "restarts"
"""What a witness runs that trains in the plane."""


class Recorded(NamedTuple):
    """What the witnesses look at."""

    checks: dict[str, Check]
    claims: dict[str, Claim]
    grid: Grid
    provenance: Provenance
    listing: Listing
    real: Real


class Said(NamedTuple):
    """What a witness says."""

    state: State
    said: str


def main() -> None:
    """Run all witnesses and write down what they say, or one and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--folder", type=Path, default=RECORDED)
    parser.add_argument("--claims", type=Path, default=CLAIMS, help="what `make claims` recorded")
    parser.add_argument("--only", help="one witness, as CLAIM.NUMBER; prints JSON")
    parser.add_argument("--quick", action="store_true", help="run no training again")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = opened(asked.folder)
    if asked.only:
        claim, number = find(found, asked.only)
        state = run_one(claim.witnesses[number], found, asked.claims)
        sys.stdout.write(f"{state.model_dump_json()}\n")
        return
    compared = None if asked.quick else _sampled(found)
    status = verify(found, asked.claims, compared)
    write_text(asked.folder / "status.json", status.model_dump_json() + "\n")
    for line in lines(status, compared):
        sys.stdout.write(f"{line}\n")


def opened(folder: Path = RECORDED) -> Recorded:
    """Read what the witnesses look at."""
    return Recorded(
        {check.id: check for check in read(Checks, "checks", folder=folder).checks},
        {claim.id: claim for claim in read(Claims, "claims", folder=folder).claims},
        read(Grid, "grid", folder=folder),
        read(Provenance, "recorded", folder=folder),
        read(Listing, "listing", folder=folder),
        read(Real, "lm", folder=folder),
    )


def find(found: Recorded, address: str) -> tuple[Claim, int]:
    """Return the claim of a witness's address, and the number of the witness."""
    name, _, number = address.rpartition(".")
    claim = found.claims.get(name)
    if claim is None or not number.isdigit() or int(number) >= len(claim.witnesses):
        raise UserError(f"there is no witness `{address}`")
    return claim, int(number)


def verify(found: Recorded, claims: Path, compared: Compared | None) -> Status:
    """Run every witness, and say what came of it."""
    states = {}
    for claim in found.claims.values():
        witnesses = [_state(one, found, claims, compared) for one in claim.witnesses]
        states[claim.id] = ClaimState(
            source=support(claim), operational=operation(witnesses), witnesses=witnesses
        )
    return Status(
        commit=commit(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=listing.versions("numpy", "torch"),
        key=key(),
        claims=states,
    )


def support(claim: Claim) -> Support:
    """Say whether a claim was compared with its sources, as it is now."""
    if claim.review is None:
        return "not_reviewed"
    if claim.review.of != scope_hash(claim):
        return "stale"
    return "reviewed" if claim.review.verdict == "supported_within_scope" else "caveat"


def operation(witnesses: Sequence[WitnessState]) -> Operation:
    """Say what witnesses come to: the worst of them."""
    states = {one.state for one in witnesses}
    if "failed" in states:
        return "failing"
    if "stale" in states:
        return "stale"
    return "not_run" if "not_run" in states or not states else "passing"


def run_one(witness: Witness, found: Recorded, claims: Path) -> WitnessState:
    """Run one witness; the runs a question looks at are run again, those of the first seed."""
    compared = None
    start = time.perf_counter()
    if witness.kind == "demo" and witness.runs in found.checks and not _is_stale(found):
        runs = used([found.checks[witness.runs]], found.grid, seed=0)
        compared = again(runs, Recipe.model_validate(found.provenance.recipe))
    state = _state(witness, found, claims, compared)
    return state.model_copy(update={"seconds": round(time.perf_counter() - start, 2)})


def _state(
    witness: Witness, found: Recorded, claims: Path, compared: Compared | None
) -> WitnessState:
    start = time.perf_counter()
    if witness.kind == "equation":
        said = _equation(witness)
    elif witness.kind == "code":
        said = _code(found.listing)
    elif witness.runs == RESTARTS:
        said = _restarts(witness)
    elif witness.kind == "demo":
        said = _demo(witness, found, compared)
    elif witness.kind == "claim":
        said = _claim(witness, claims)
    else:
        said = Said(*real.trade(found.real, witness.expect))
    return WitnessState(
        kind=witness.kind,
        object=witness.object,
        runs=witness.runs,
        state=said.state,
        said=said.said,
        seconds=round(time.perf_counter() - start, 2),
    )


def _equation(witness: Witness) -> Said:
    """Try what an equation promises."""
    draw = random.Random(0)
    for _ in range(DRAWS):
        seed = draw.randrange(2**31)
        try:
            EQUATIONS[witness.runs](seed)
        except AssertionError as error:
            return Said("failed", f"broken for the numbers of seed {seed}: {error}")
    return Said("passed", f"held for {DRAWS} draws")


def _code(recorded: Listing) -> Said:
    """Run the listing again and compare file and output."""
    fresh = listing.run()
    if fresh.source_sha256 != recorded.source_sha256:
        return Said("stale", "the file is not the one that was recorded")
    if fresh.exit != 0:
        return Said("failed", f"it ended with status {fresh.exit}")
    if fresh.stdout != recorded.stdout:
        return Said("failed", f"it printed something else: {fresh.stdout.strip()!r}")
    return Said("passed", "the same bytes printed the same, and its own asserts hold")


def _demo(witness: Witness, found: Recorded, compared: Compared | None) -> Said:
    """Answer a question over the recorded runs."""
    if _is_stale(found):
        return Said("stale", "the code that trains or measures has changed since; record it anew")
    if compared is not None and compared.off:
        return Said("failed", f"run again, {compared.off[0]}")
    result = answer(found.checks[witness.runs], found.grid)
    told = _told(result)
    if compared is not None:
        told += f"; {compared.n} runs were run again and came to the same"
    if result.option != witness.expect:
        return Said("failed", f"the answer is `{result.option}`, not `{witness.expect}`: {told}")
    return Said("passed", told)


def _restarts(witness: Witness) -> Said:
    """Begin dictionaries anew with five atoms and with eight, and count those that find all."""
    five, eight = found_all(5), found_all(8)
    option = "more" if eight > five else "no_more"
    told = f"{five} of 20 restarts found all five directions with five atoms, {eight} with eight"
    return Said("passed" if option == witness.expect else "failed", told)


def _told(result: Answer) -> str:
    """Say the numbers an answer rests on: the range over seeds."""
    parts = []
    for metric, rows in result.numbers.items():
        for place, row in rows.items():
            if row:
                parts.append(f"{metric} {place} {min(row):.3g} to {max(row):.3g}")
    seeds = max((len(row) for rows in result.numbers.values() for row in rows.values()), default=0)
    return f"{', '.join(parts)} over {seeds} seeds"


def _claim(witness: Witness, folder: Path) -> Said:
    """Read what `make claims` recorded."""
    claim, found = load(witness.runs), record.read(folder, witness.runs)
    if record.missing(found):
        is_there = (folder / f"{witness.runs}.json").exists() and not found
        state: State = "stale" if is_there else "not_run"
        return Said(state, f"`make claims ARGS={witness.runs}` runs it")
    made = outcomes(claim, [found[seed] for seed in sorted(found)])
    told = "; ".join(
        f"{one.rule.says} {min(one.margins):.3g} to {max(one.margins):.3g}, {one.rule.bound}"
        for one in made
    )
    return Said("passed" if all(one.holds for one in made) else "failed", told)


def _is_stale(found: Recorded) -> bool:
    return found.provenance.key != key() or bool(differences(found.provenance.probe))


def _sampled(found: Recorded) -> Compared:
    """Run again what claims look at, of one seed, and some more."""
    witnesses = [one for claim in found.claims.values() for one in claim.witnesses]
    named = {one.runs for one in witnesses if one.kind == "demo" and one.runs in found.checks}
    runs = used([found.checks[name] for name in sorted(named)], found.grid, seed=0)
    runs += [run for run in drawn(found.grid, ALSO, seed=len(runs)) if run not in runs]
    return again(runs, Recipe.model_validate(found.provenance.recipe))


def lines(status: Status, compared: Compared | None) -> Iterator[str]:
    """Yield what is printed."""
    for name, state in status.claims.items():
        yield f"{state.operational:8} {name} (sources: {state.source})"
        for one in state.witnesses:
            yield f"    {one.state:8} {one.kind:9} {one.object}: {one.said}"
    if compared is not None:
        told = "; ".join(compared.off) or "all came to the same"
        largest = f"largest difference {compared.largest:.2g} of what is tolerated"
        yield f"{compared.n} runs were run again: {told} ({largest})"
    passing = sum(state.operational == "passing" for state in status.claims.values())
    yield f"{passing} of {len(status.claims)} claims pass"


if __name__ == "__main__":
    main()
