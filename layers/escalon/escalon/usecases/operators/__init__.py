"""What operators ask over HTTP: who signed it, its fields, and what is wrong."""
