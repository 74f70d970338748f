"""The prediction log, on its way to the lake."""
