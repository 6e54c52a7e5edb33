"""Which requests make up a list, and whether all of it was seen."""
