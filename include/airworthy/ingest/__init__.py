"""Sources of raw data, and their way into the lake."""
