"""The server's side of the worker: queue, time, death, and what must never be imported."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from unmix.errors import UserError
from unmix.explorer import api
from unmix.explorer.model import Model
from unmix.explorer.trouble import Busy, NotReady, TooLong

FAKE = Path(__file__).parent / "fake_worker.py"


def command(how: str = "plain") -> list[str]:
    return [sys.executable, str(FAKE), how]


@pytest.fixture
def model() -> Iterator[Model]:
    with_fake = Model(Path("runs/fake"), seconds=20, loading=20, waiting=2, command=command())
    yield with_fake
    with_fake.close()


def say(model: Model, text: str, gone: threading.Event | None = None) -> dict:
    return model.ask("read", {"text": text}, gone=gone)


def dies(pid: int) -> bool:
    """Say whether a process ends within ten seconds."""
    for _ in range(1000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_the_first_question_starts_it(model: Model):
    assert model.state()["state"] == "off"
    first = say(model, "one")
    assert first["text"] == "one"
    assert model.state() == {"state": "ready", "sentence": "the model of `fake` is ready"}
    assert say(model, "two")["pid"] == first["pid"]


def test_it_may_be_started_before(model: Model):
    model.start()
    assert model.state()["state"] in ("loading", "ready")
    assert say(model, "one")["text"] == "one"


@pytest.mark.parametrize(
    "text",
    ["", "\0", "\ud800 alone \udfff", "\u202e<b>", "🙂" * 100, '"}\n{"id": 1'],
    ids=repr,
)
def test_any_text_goes_there_and_back(model: Model, text: str):
    kept = text.replace("\ud800", "\ufffd").replace("\udfff", "\ufffd")
    assert say(model, text)["text"] == kept


def test_what_cannot_be_asked_never_gets_there(model: Model):
    with pytest.raises(UserError, match=r"the text has 4,096 kB and the limit is 64 kB; shorten"):
        say(model, "x" * 2**22)
    with pytest.raises(UserError, match="there is no question `sing`"):
        model.ask("sing", {})
    with pytest.raises(UserError, match=r"`read`: `text`: Field required"):
        model.ask("read", {})
    assert model.state()["state"] == "off"


def test_a_refusal_is_passed_on(model: Model):
    with pytest.raises(UserError, match=r"^the text is too long; shorten it$"):
        say(model, "refuse the text is too long; shorten it")
    assert say(model, "one")["text"] == "one"


def test_what_libraries_print_does_no_harm(model: Model):
    assert say(model, "noise")["text"] == "noise"
    assert say(model, "one")["text"] == "one"


def test_a_worker_that_breaks_down_is_told_of_and_started_anew(
    model: Model, capfd: pytest.CaptureFixture[str]
):
    first = say(model, "one")["pid"]
    with pytest.raises(NotReady, match=r"process ended \(RuntimeError: out of luck\); ask again"):
        say(model, "die out of luck")
    assert "Traceback" in capfd.readouterr().err
    assert model.state()["state"] == "failed"
    assert "out of luck" in model.state()["sentence"]
    assert say(model, "two")["pid"] != first
    assert model.state()["state"] == "ready"


def test_a_worker_that_is_killed_is_told_of(model: Model):
    with pytest.raises(NotReady, match="killed by the system; is there enough memory"):
        say(model, "killed")
    pid = say(model, "one")["pid"]
    os.kill(pid, signal.SIGKILL)
    for _ in range(500):
        if model.state()["state"] != "ready":
            break
        time.sleep(0.01)
    assert say(model, "two")["pid"] != pid


def test_an_answer_that_takes_too_long_is_given_up():
    model = Model(Path("runs/fake"), seconds=0.5, command=command())
    pid = say(model, "one")["pid"]
    start = time.monotonic()
    with pytest.raises(TooLong, match=r"more than 0\.5 seconds; ask about a shorter text"):
        say(model, "sleep 30")
    assert time.monotonic() - start < 10
    assert dies(pid)
    assert model.state()["state"] in ("loading", "ready")  # another one has been started
    assert say(model, "two")["text"] == "two"
    model.close()


def test_questions_are_answered_one_at_a_time_and_few_may_wait(model: Model):
    say(model, "one")
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.append(say(model, "sleep 0.5")["text"]))
        for _ in range(3)
    ]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    while model._asking < 3:
        time.sleep(0.01)
    with pytest.raises(Busy, match="3 questions are waiting for the model; ask again soon"):
        say(model, "two")
    for thread in threads:
        thread.join()
    assert time.monotonic() - start >= 1.5
    assert answers == ["sleep 0.5"] * 3
    assert say(model, "two")["text"] == "two"


def test_one_who_has_gone_is_not_waited_for(model: Model):
    pid = say(model, "one")["pid"]
    gone = threading.Event()
    threading.Timer(0.2, gone.set).start()
    start = time.monotonic()
    with pytest.raises(NotReady, match="called off"):
        say(model, "sleep 30", gone=gone)
    assert time.monotonic() - start < 10
    assert say(model, "two")["pid"] == pid


def test_one_who_has_gone_leaves_the_queue(model: Model):
    say(model, "one")
    long = threading.Thread(target=lambda: say(model, "sleep 1"))
    long.start()
    while model._asking < 1:
        time.sleep(0.01)
    gone = threading.Event()
    gone.set()
    with pytest.raises(NotReady, match="called off"):
        say(model, "two", gone=gone)
    long.join()


def test_a_run_that_cannot_be_opened_is_told_of():
    model = Model(Path("runs/fake"), command=command("refuses"))
    for _ in range(2):
        with pytest.raises(NotReady, match=r"^the model is another one; put it back$"):
            say(model, "one")
        state = {"state": "failed", "sentence": "the model is another one; put it back"}
        assert model.state() == state
    model.close()


def test_a_worker_that_does_not_start_is_told_of():
    model = Model(Path("runs/fake"), command=command("breaks"))
    with pytest.raises(NotReady, match="no module named torch"):
        say(model, "one")
    assert model.state()["state"] == "failed"
    model.close()


def test_a_worker_that_loads_too_long_is_given_up():
    model = Model(Path("runs/fake"), loading=0.5, command=command("stuck"))
    with pytest.raises(NotReady, match=r"took more than 0\.5 seconds to load"):
        say(model, "one")
    model.close()


def test_it_ends_with_the_one_who_started_it():
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from unmix.explorer.model import Model\n"
        f"model = Model(Path('x'), command={command()!r})\n"
        "print(model.ask('read', {'text': 'one'})['pid'], flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert dies(int(done.stdout))


def test_closing_ends_it_and_what_is_asked_then_is_refused(model: Model):
    pid = say(model, "one")["pid"]
    model.close()
    assert dies(pid)
    with pytest.raises(NotReady, match="is being closed"):
        say(model, "two")


def test_a_model_that_is_let_go_takes_its_worker_along():
    model = Model(Path("runs/fake"), command=command())
    pid = say(model, "one")["pid"]
    del model
    assert dies(pid)


def test_the_server_side_does_without_torch():
    code = (
        "import sys, unmix.explorer.model\n"
        "heavy = {'torch', 'transformers', 'datasets', 'unmix.explorer.live.session'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_real_worker_answers_one_question_after_the_other(indexed_run: Path):
    noisy = (
        "import unmix.explorer.live.reading as reading\n"
        "told = reading.told\n"
        "reading.told = lambda *words: print('noise', flush=True) or told(*words)\n"
        "from unmix.explorer.live.worker import main; main()"
    )
    model = Model(indexed_run, command=[sys.executable, "-c", noisy, str(indexed_run)])
    try:
        reading = api.Reading.model_validate(model.ask("read", {"text": "the cat does not"}))
        latent = reading.strongest[0].latent
        steer = [{"latent": latent, "mode": "add", "strength": 4.0}]
        text = {"text": "the cat does not take a view", "interventions": steer}
        api.EffectOf.model_validate(model.ask("effect", text))
        api.Generated.model_validate(model.ask("generate", {**text, "tokens": 5}))
        api.TwoReadings.model_validate(model.ask("compare", {"a": "the cat", "b": "a café"}))
        short = {"text": "the cat does not", "latent": latent}
        api.Shortened.model_validate(model.ask("shorten", short))
        with pytest.raises(UserError, match=r"there is no latent 1000; the last is 47"):
            model.ask("shorten", {"text": "the cat", "latent": 1000})
        some = {"latent": latent, "positions": [40, 41, 42]}
        for one in model.ask("ablate", some):
            api.TokenEffect.model_validate(one)
        checked = [api.Checked.model_validate(one) for one in model.ask("check", some)]
        assert [one.position for one in checked] == [40, 41, 42]
        assert model.ask("read", {"text": "\0 \ud800 🙂"})["tokens"]
    finally:
        model.close()


def test_a_real_worker_says_why_a_run_cannot_be_opened(tmp_path: Path):
    model = Model(tmp_path)
    with pytest.raises(NotReady, match="has no finished dictionary"):
        model.ask("read", {"text": "one"})
    model.close()
