"""Gather, decide, apply: one module per thing the system does."""
