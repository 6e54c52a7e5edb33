"""How values from Partoo become values of a record."""
