"""Whom we may contact, how, when and how often, and what became of it."""
