"""Rulebooks go live, widen, and are taken back."""
