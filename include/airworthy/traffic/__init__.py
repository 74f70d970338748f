"""What serving, release and monitoring share: the split, the variants, the metrics."""
