"""The feature build: exactly what the features' code digest covers."""
