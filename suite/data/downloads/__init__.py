"""Data sets that come over the network when first asked for, and from the cache ever after."""
