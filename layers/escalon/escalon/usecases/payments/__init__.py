"""Money: taken from providers, files and people, and booked in one place."""
