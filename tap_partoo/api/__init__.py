"""Sends single requests to Partoo: paced, retried, and with clear errors."""
