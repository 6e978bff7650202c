"""Experiments: each turns a claim from the literature into a table, figures and checks.

A module here whose name has no leading underscore is an experiment and consists of four things:

``Spec``
    What is varied: a frozen, validated model with a default for every field.
``measure(spec, each=map)``
    The measurement: a tidy DataFrame. ``each`` maps a function over parts of the work, in order.
``draw(table)``
    The figures, by name, from the table alone.
``checks(table)``
    The claims: expected, measured, tolerance, source, ok.

Modules with a leading underscore are no experiments: they serve all of them, or draw the figures of one.
"""
