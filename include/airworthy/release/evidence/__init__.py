"""What people decide on: collected, digested, shown."""
