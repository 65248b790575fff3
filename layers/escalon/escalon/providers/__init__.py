"""One pure module per payment provider: verify the raw bytes, translate into our words."""
