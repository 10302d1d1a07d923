"""A listing, run in a fresh interpreter on exactly its bytes; what came of it is the record.

The page takes text and output from the record, never from the file, so that they cannot part.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from unmix.disk import fingerprint
from unmix.errors import UserError
from unmix.evaluation.claims.record import commit
from unmix.learn.schema import Listing

LISTINGS = Path(__file__).parent / "listings"
LONGEST = 60.0
"""Seconds that a listing may take."""
PRINTED = re.compile(
    r"^(low|high) lambda: +mse ([\d.]+), avg active latents ([\d.]+)$", re.MULTILINE
)


def run(name: str = "seed_toy") -> Listing:
    """Run a listing and return its record.

    Raises:
        UserError: It did not come to an end.
    """
    source = (LISTINGS / f"{name}.py").read_bytes()
    started, begin = datetime.now(UTC), time.perf_counter()
    done = _executed(source, name)
    digest = hashlib.sha256(source).hexdigest()
    argv = ["python", "-I", f"{name}.py"]
    return Listing(
        id=fingerprint({"source": digest, "argv": argv}),
        source_sha256=digest,
        source_text=source.decode(),
        argv=argv,
        stdout=done.stdout,
        exit=done.returncode,
        metrics=printed(done.stdout),
        versions=versions("numpy"),
        commit=commit(),
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - begin, 2),
    )


def printed(stdout: str) -> dict[str, float]:
    """Return the numbers that the listing prints."""
    found = {}
    for which, mse, active in PRINTED.findall(stdout):
        found |= {f"{which}_mse": float(mse), f"{which}_l0": float(active)}
    return found


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of some packages."""
    found = {"python": sys.version.split()[0]}
    return found | {name: metadata.version(name) for name in packages}


def _executed(source: bytes, name: str) -> subprocess.CompletedProcess[str]:
    """Run bytes as a program of their own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.py"
        file.write_bytes(source)
        try:
            return subprocess.run(
                [sys.executable, "-I", str(file)],
                check=False,
                capture_output=True,
                text=True,
                cwd=folder,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired as error:
            raise UserError(
                f"the listing `{name}` was not done after {LONGEST:.0f} s; run it again"
            ) from error
