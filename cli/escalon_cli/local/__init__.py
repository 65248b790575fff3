"""The embedded AWS on this machine, and servers that stand in for carriers and providers."""
