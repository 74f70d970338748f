"""Operators: the provider's own, with the addresses filled in from connections."""
