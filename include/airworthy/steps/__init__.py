"""What each DAG task does, as plain functions, runnable without Airflow."""
