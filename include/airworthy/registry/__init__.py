"""MLflow: runs, versions, the aliases that say what serves, and model files."""
