"""Is depth worth it on a table of one's own? Contenders under one budget, and a page on it."""
