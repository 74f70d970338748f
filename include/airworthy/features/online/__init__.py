"""The online store: what serving reads."""
