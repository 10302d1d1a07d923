"""The real server with the built page, on a port of its own, in a thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from unmix.explorer.app import make_app
from unmix.explorer.serve import listen
from unmix.explorer.view import View


@contextmanager
def served(view: View) -> Iterator[str]:
    """Serve a view while the block runs; gives the address."""
    listening = listen("127.0.0.1", None)
    port = listening.getsockname()[1]
    config = uvicorn.Config(make_app(view, port=port), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()
