"""Flight delays from New York: the example pipeline."""
