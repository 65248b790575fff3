"""The engine: one decision about one account at one instant, carried out and explained."""
