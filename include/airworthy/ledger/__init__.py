"""The release ledger: append-only, hash-chained."""
