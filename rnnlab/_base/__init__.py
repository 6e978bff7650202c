"""The ground floor: what everything else stands on, and which imports nothing of rnnlab."""
