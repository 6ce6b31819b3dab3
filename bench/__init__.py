"""The benchmark: `make bench`, or `make bench SUITE=name`. What it measures stands in docs/benchmarks.md."""
