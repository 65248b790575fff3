"""Replay: a portfolio played day by day, and the pages that show it."""
