"""The learning page: every number on it comes from a run that is recorded here.

In: worlds whose features are known, and what people wrote (`content/`).  Out: `recorded/`.

    schema.py       what is recorded;  asked.py  questions, claims, sources;  told.py  what is said
                    of them: the only definitions
    recipe.py       which dictionaries are trained, and for how long
    grid.py         those of one seed, on the same batches;  measures.py  their numbers
    path.py         training that begins at the true dictionary and leaves it
    parity.py       numbers that the page's own kernel must reproduce
    listing.py      a listing, run in a fresh interpreter on exactly its bytes
    real.py         the same trade on a real model
    make.py         all of it into `recorded/`: `make learn-runs`, resumable
    keys.py         whether that is still good;  probe.py  short runs;  again.py  recorded ones
    content.py      questions, claims, sources, misconceptions, objects: `content/*.yaml`
    evaluators.py   what the right answer to a question is, given the runs
    equations.py, restarts.py, verify.py   the witnesses of claims, and what they say
    files.py        where recorded files lie
    witnesses.py    one witness at a time, for a reader;  own.py  the reader's own run
    routes.py       what the server says;  site.py  the page on plain files
"""
