"""Activations in, a dictionary out.

config.py      what a run is told
run.py         a config to a run folder: the place to start reading
loop.py        the one loop, a generator of steps
learner.py     one dictionary while it learns
build.py       a new dictionary
objectives.py  what is minimised: functions that add up
penalty.py     the weight of the sparsity penalty, steered to a target L0
schedules.py   learning rate and warm-up
health.py      which latents still fire
resample.py    new directions for dead latents
checkpoint.py  stop and go on, bit-equal
track.py       metrics.jsonl, and a tracker if asked
panel.py       what a terminal shows meanwhile
planted.py     the loop on a world whose features are known
finished.py    a finished run opened again
"""
