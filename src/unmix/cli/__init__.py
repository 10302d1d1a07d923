"""The verbs of the command line, in the order of the data flow.

    harvest -> train -> evaluate          demo: all three, on a model and text that pip brings

main.py     finds the verb; turns errors into a sentence and an exit code
parse.py    a recipe and the flags over it -> a config
flags.py    the flags of a config
console.py  results on stdout, progress on stderr
VERB.py     parse, then one call

Nothing here imports torch before a verb is at work, so that help and mistakes are answered at once.
"""
