"""Verdicts and figures to pages: HTML that opens offline, and its Markdown twin."""
