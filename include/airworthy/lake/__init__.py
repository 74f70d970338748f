"""The lake: Delta tables on a folder or S3."""
