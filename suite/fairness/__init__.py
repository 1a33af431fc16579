"""Were contenders treated alike: budgets, edges of ranges, and where variance comes from."""
