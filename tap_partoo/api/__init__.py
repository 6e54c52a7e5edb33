"""How Partoo is asked: one request at a time, paced, tried again, with clear errors."""
