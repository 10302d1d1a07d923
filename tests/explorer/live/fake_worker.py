"""A worker without a model: it does what the text of a `read` tells it to."""

import os
import signal
import sys
import time

from unmix.explorer.live.protocol import write_frame
from unmix.explorer.live.worker import Cancelled, Inbox, own_pipes


def main() -> None:
    how = sys.argv[1]
    given, out = own_pipes()
    inbox = Inbox(given)
    if how == "stuck":
        time.sleep(60)
    if how == "refuses":
        write_frame(out, {"state": "failed", "error": "the model is another one; put it back"})
        return
    if how == "breaks":
        raise ModuleNotFoundError("no module named torch")
    write_frame(out, {"state": "ready"})
    while True:
        message = inbox.next()
        number, text = message["id"], message["payload"]["text"]
        try:
            write_frame(out, {"id": number, **obey(text, inbox)})
        except Cancelled:
            write_frame(out, {"id": number, "cancelled": True})


def obey(text: str, inbox: Inbox) -> dict[str, object]:
    word, _, rest = text.partition(" ")
    if word == "sleep":
        end = time.monotonic() + float(rest)
        while time.monotonic() < end:
            inbox.pulse()
            time.sleep(0.01)
    if word == "die":
        raise RuntimeError(rest)
    if word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "noise":
        sys.stdout.write("noise " * 1000)
        sys.stdout.flush()
        os.write(1, b"\x00\x00\x00\x05noise")
        sys.stderr.write("\rstill loading " * 10000)
    if word == "refuse":
        return {"error": rest}
    return {"answer": {"text": text, "pid": os.getpid()}}


if __name__ == "__main__":
    main()
