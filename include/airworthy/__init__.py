"""What every model shares: from raw files to an approved champion. Never imports airflow."""

__version__ = "0.1.0"
