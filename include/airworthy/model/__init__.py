"""What training writes and serving reads: a model's files, inputs, output and contract."""
