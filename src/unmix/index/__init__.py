"""A trained run -> columns that say what every latent does.

In: a run folder, and the activations of a text.  Out: `RUN/index/`, which is read without torch.

    schema.py     the files and their columns;  manifest.py  what was indexed
    build.py      writes an index; its parts are in making/

    read.py       opens an index;  rows.py  rows of its files;  corpus.py  its text
    grouped.py    tables with several rows a latent
    query.py      a query line over all latents;  values.py  its parts;  texts.py  their texts
    search.py     latents by words, by token, by direction
    examples.py   firings to look at;  windows.py  the text around them
    statistics.py what is counted when asked for;  slices.py  by parts of the corpus
    strongest.py  what fired at a position;  rules.py  where a latent's rule misses
    compare.py    two dictionaries
    portrait.py   a latent in a notebook
    notes.py      what a reader writes;  explanations.py  what others said
"""
