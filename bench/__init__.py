"""Benchmarks: what things cost, as a ratio to a floor measured in the same run."""
