"""Agreements: made, kept up to date, documented."""
