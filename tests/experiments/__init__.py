"""Tests of the experiments."""

# The columns of every table of learning curves.
CURVE = {"method", "seq_len", "seed", "update", "loss", "score", "solved", "symptom", "budget", "part"}
