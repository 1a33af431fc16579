"""Closed forms and mean-field predictions that measurements are held against, a subject a file."""
