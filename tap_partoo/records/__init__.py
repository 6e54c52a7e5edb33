"""What a value of Partoo becomes in a record."""
