"""A made country for demonstration: real names, codes and census sums, everything else illustrative (docs/demo.md)."""
