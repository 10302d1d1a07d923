"""Witnesses that the reader wants to see run: one at a time, each in a process of its own.

Only what `claims.json` names can be asked for.  Nothing here imports torch.
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import final

from pydantic import ValidationError

from unmix.explorer.trouble import Busy, Missing
from unmix.learn.asked import Claims, Witness
from unmix.learn.files import RECORDED, read
from unmix.learn.told import Running, WitnessState

MODULE = "unmix.learn.verify"
LONGEST = 60.0
"""Seconds a witness may take."""


@final
class Witnesses:
    """Runs one witness at a time.

    Args:
        folder: Where the claims are recorded.
        claims: What `make claims` recorded.
        command: What is started, before the witness's address; for tests.
        longest: Seconds a witness may take.
    """

    def __init__(
        self,
        folder: Path = RECORDED,
        *,
        claims: Path = Path("runs/claims"),
        command: list[str] | None = None,
        longest: float = LONGEST,
    ) -> None:
        self._folder = folder
        words = [sys.executable, "-P", "-m", MODULE, "--folder", str(folder)]
        self._command = command or [*words, "--claims", str(claims), "--only"]
        self._longest = longest
        self._lock = threading.Lock()
        self._began = 0.0
        self._running = Running(id="", state="idle")

    def now(self) -> Running:
        """Return the witness that runs, or the last one."""
        with self._lock:
            if self._running.state != "running":
                return self._running
            return self._running.model_copy(update={"seconds": time.monotonic() - self._began})

    def run(self, address: str) -> Running:
        """Begin to run a witness.

        Raises:
            Missing: No claim has it.
            Busy: Another one is running.
        """
        witness = self._find(address)
        with self._lock:
            if self._running.state == "running":
                raise Busy(
                    f"the witness `{self._running.id}` is running; ask again when it is done"
                )
            self._began = time.monotonic()
            self._running = Running(id=address, state="running")
            threading.Thread(target=self._work, args=(address, witness), daemon=True).start()
            return self._running

    def _find(self, address: str) -> Witness:
        name, _, number = address.rpartition(".")
        for claim in read(Claims, "claims", folder=self._folder).claims:
            is_one = number.isdecimal() and int(number) < len(claim.witnesses)
            if claim.id == name and is_one:
                return claim.witnesses[int(number)]
        raise Missing(f"no claim has a witness `{ascii(address)[1:-1]}`")

    def _work(self, address: str, witness: Witness) -> None:
        """Run a witness to its end, and keep what it says."""
        state = self._said(address, witness)
        with self._lock:
            seconds = round(time.monotonic() - self._began, 2)
            self._running = Running(id=address, state="done", seconds=seconds, witness=state)

    def _said(self, address: str, witness: Witness) -> WitnessState:
        told = {"kind": witness.kind, "object": witness.object, "runs": witness.runs}
        try:
            done = subprocess.run(
                [*self._command, address],
                check=False,
                capture_output=True,
                text=True,
                timeout=self._longest,
            )
            last = done.stdout.strip().rpartition("\n")[2]
            return WitnessState.model_validate(json.loads(last))
        except subprocess.TimeoutExpired:
            said = f"it was not done after {self._longest:.0f} s, and was stopped"
        except (json.JSONDecodeError, ValidationError, OSError):
            said = "it broke down before it could say anything"
        return WitnessState.model_validate({**told, "state": "not_run", "said": said, "seconds": 0})
