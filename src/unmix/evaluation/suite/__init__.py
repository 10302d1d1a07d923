"""Metrics of a real model's dictionaries, each in a file of its own under a key of its content.

finding.py    what a metric found: numbers beside their controls, figures, notes; on disk
metric.py     what a metric is
subject.py    what metrics read: dictionaries, firings, model, each made once
run.py        every metric of a suite, those that are known already left out
show.py       the tables of the command line
page.py       the section of the report; plot.py its figures
shapes.py     dictionaries that differ in one setting alone, and random directions
reader.py     activations of texts that are not the run's own
*.py, */      the metrics
"""
