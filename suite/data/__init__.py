"""Data sets: where they come from, how they are split, and what is done to them before training."""
