"""Tuning: studies that choose each contender's recipe on validation data under one budget."""
