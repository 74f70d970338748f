"""How good a candidate is: the later holdout, its rivals, the gates."""
