"""The explorer: the report's page on which a reader turns the knobs of measured networks."""
