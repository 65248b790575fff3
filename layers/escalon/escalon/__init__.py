"""Escalón: who owes what since when, what to say next, and when to be silent."""
