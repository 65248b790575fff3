"""What the carriers of messages tell, in our words: pure translation, one module a source."""
