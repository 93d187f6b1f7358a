"""`./sandbox benchmark`: what benchmarks/ measures."""

from benchmarks.run import main

__all__ = ["main"]
