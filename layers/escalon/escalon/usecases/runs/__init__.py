"""Runs over the book: look at every account that is due, pace, count, undo."""
