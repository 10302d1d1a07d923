"""Every question and every answer, on disk as soon as it is there, and nothing asked twice.

RUN/suite/explain/answers.jsonl, one object a line: the key (a hash of address, model and messages),
what the question is for, the messages, the answer.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Lock
from typing import NamedTuple, final

from unmix.disk import fingerprint, write_text
from unmix.errors import UserError
from unmix.evaluation.suite.explain.address import Address
from unmix.evaluation.suite.explain.client import Client, Messages

WORKERS = 4
"""Questions under way at once."""


class Question(NamedTuple):
    """What is asked, and what for."""

    purpose: str
    """`explanation`, `detection` or `fuzzing`."""
    dictionary: str
    latent: int
    messages: Messages


@final
class Answers:
    """Asks what has not been asked before.

    Args:
        path: The file of answers; made if there is none.
        client: Who is asked.
        report: Is told in words how far it has got.
    """

    def __init__(self, path: Path, client: Client, *, report: Callable[[str], None]) -> None:
        self.path, self.client, self.report = path, client, report
        self.known = _read(path)
        self._lock = Lock()

    def ask(self, questions: Sequence[Question], *, about: str) -> list[str]:
        """Return the answer to each question."""
        keys = [key(self.client.address, question.messages) for question in questions]
        new = {k: q for k, q in zip(keys, questions, strict=True) if k not in self.known}
        if new:
            self._ask(new, about)
        return [self.known[k] for k in keys]

    def _ask(self, new: dict[str, Question], about: str) -> None:
        """Ask some questions at once; each thread keeps what it was answered, even after a stop."""
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="explain")
        asked = [pool.submit(self._keep, *one) for one in new.items()]
        try:
            for done, future in enumerate(as_completed(asked), start=1):
                future.result()
                if done % 10 == 0 or done == len(asked):
                    self.report(f"{about}: {done:,} of {len(asked):,} answers")
        finally:
            pool.shutdown(cancel_futures=True)

    def _keep(self, key: str, question: Question) -> None:
        """Ask one question and put the answer on disk."""
        answer = self.client.ask(question.messages)
        line = {"key": key, **question._asdict(), "model": self.client.address.model}
        line |= {"answer": answer.text, "tokens": answer.tokens}
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self.known[key] = answer.text


def key(address: Address, messages: Messages) -> str:
    """Return what changes whenever a question does."""
    return fingerprint({**address._asdict(), "messages": list(messages)})


def _read(path: Path) -> dict[str, str]:
    """Return the answers by key; a line that a kill cut short is taken out."""
    if not path.is_file():
        write_text(path, "")
        return {}
    lines = path.read_text(encoding="utf-8").split("\n")
    known: dict[str, str] = {}
    for number, line in enumerate(lines[:-1], start=1):
        try:
            data = json.loads(line)
            known[str(data["key"])] = str(data["answer"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"line {number} of `{path}` is damaged ({error}); take it out, or the whole file"
            ) from error
    if lines[-1]:
        write_text(path, "".join(line + "\n" for line in lines[:-1]))
    return known
