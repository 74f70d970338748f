"""From a request's rows to answers."""
