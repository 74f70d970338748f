"""Airflow's REST API, as a person uses it."""
