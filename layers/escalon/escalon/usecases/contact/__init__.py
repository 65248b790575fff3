"""Contacts: a planned intent leaves, its fate comes back, replies come in."""
