"""The release's decisions, as pure functions of data."""
