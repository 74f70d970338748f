"""Triggers: what waits in the triggerer, holding no worker slot."""
