"""Follows the registry: what serves now."""
