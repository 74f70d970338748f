"""What only Airflow understands: operators, sensors, triggers, connections."""
