"""The rulebook and what it is made of: what operators edit, compiled into values."""
