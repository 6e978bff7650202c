"""What serves all experiments, and knows none."""
