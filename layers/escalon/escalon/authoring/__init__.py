"""What operators write: YAML and templates, read, checked and compiled into values."""
