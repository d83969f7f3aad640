"""One script for each claim about speed or memory: ``python -m benchmarks.NAME``; see docs/benchmarks.md."""
