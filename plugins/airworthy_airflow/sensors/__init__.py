"""Sensors: the canary watch, the canary guard, the human approval."""
