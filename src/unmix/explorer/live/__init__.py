"""A model and a dictionary that answer questions about a text, in a process of their own.

In: a finished run, and a text, or positions of its index.  Out: the answers of `explorer/api.py`.

    questions.py      what may be asked, and how much of it (no torch)
    protocol.py       questions and answers as frames on a pipe (no torch)
    process.py        the worker as its parent sees it (no torch)
    worker.py         the worker: one question after the other; answering.py finds who answers

    session.py        a run opened: model, dictionary, sites, what is measured
    prompt.py         a text as the model reads it
    forward.py        the model run, whole, from the site on, or as far as the site
    reading.py        what every latent does on a text; comparing.py two texts side by side
    shortening.py     the shortest context that keeps a latent on
    steering.py       interventions as changes of an activation
    unchanged.py      a text run once through the unchanged model, to compare with
    effect.py         what they do to the next token; dose.py the same by strength
    generation.py     what the model writes with and without
    ablation.py       the true effect of a latent at positions of the index
    checking.py       its acts there, computed again

From Python, without any process:

    session = open_session(Path("runs/demo"))
    read(session, "The cat sat on the mat")

`explorer/model.py` is the server's side.
"""
