"""The benchmark, `make bench`: the tap next to what people would use instead."""
