"""The words that an experiment file can use, one dict per kind of part."""
