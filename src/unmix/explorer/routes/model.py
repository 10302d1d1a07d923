"""Questions that need the model: passed on to the process that holds it."""

import asyncio
from functools import partial
from threading import Event
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from unmix.config import Config
from unmix.explorer import api
from unmix.explorer.live import questions
from unmix.explorer.routes.given import TheView
from unmix.explorer.trouble import NotReady
from unmix.explorer.view import View

router = APIRouter(prefix="/live", tags=["with the model"])


class State(api.Answer):
    """Whether the model can be asked."""

    state: Literal["off", "loading", "ready", "failed"]
    sentence: str


@router.get("/state")
def read_state(view: TheView) -> State:
    """Say whether the model can be asked."""
    if view.model is None:
        return State(state="off", sentence="the model is not open here")
    return State.model_validate(view.model.state())


@router.post("/read", response_model=api.Reading)
async def read(view: TheView, request: Request, question: questions.Read) -> Any:
    """Read a text with model and dictionary."""
    return await _ask(view, request, "read", question)


@router.post("/compare", response_model=api.TwoReadings)
async def compare(view: TheView, request: Request, question: questions.Compare) -> Any:
    """Read two texts and say which latents they do not share."""
    return await _ask(view, request, "compare", question)


@router.post("/shorten", response_model=api.Shortened)
async def shorten(view: TheView, request: Request, question: questions.Shorten) -> Any:
    """Find the shortest context that keeps a latent on."""
    return await _ask(view, request, "shorten", question)


@router.post("/effect", response_model=api.EffectOf)
async def effect(view: TheView, request: Request, question: questions.Steer) -> Any:
    """Say what an intervention does to the next token."""
    return await _ask(view, request, "effect", question)


@router.post("/generate", response_model=api.Generated)
async def generate(view: TheView, request: Request, question: questions.Generate) -> Any:
    """Go on with a text, with and without an intervention."""
    return await _ask(view, request, "generate", question)


@router.post("/ablate", response_model=list[api.TokenEffect])
async def ablate(view: TheView, request: Request, question: questions.Ablate) -> Any:
    """Say what taking a latent away does at some positions."""
    return await _ask(view, request, "ablate", question)


@router.post("/check", response_model=list[api.Checked])
async def check(view: TheView, request: Request, question: questions.Check) -> Any:
    """Compute acts anew and compare them with those stored."""
    return await _ask(view, request, "check", question)


async def _ask(view: View, request: Request, name: str, question: Config) -> Any:
    """Pass a question on, and say so if the page no longer waits for the answer."""
    if view.model is None:
        raise NotReady("the model is not open here; run `unmix explore RUN` where it is")
    gone = Event()
    watching = asyncio.create_task(_watch(request, gone))
    try:
        ask = partial(view.model.ask, gone=gone)
        return await run_in_threadpool(ask, name, question.model_dump(mode="json"))
    finally:
        watching.cancel()


async def _watch(request: Request, gone: Event) -> None:
    """Set `gone` when the connection is closed."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()
