"""Singer tap for the Partoo API (https://developers.partoo.co)."""
