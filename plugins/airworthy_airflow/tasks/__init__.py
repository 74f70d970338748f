"""What the DAGs' tasks call: one function per task, with this deployment's addresses."""
