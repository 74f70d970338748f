"""Kinds of task: what is predicted, and how well, each in one place."""
