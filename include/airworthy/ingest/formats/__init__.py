"""How raw data is written."""
