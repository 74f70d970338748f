"""What may be created here: names and data, and pods that a machine without containers can run.

Everything else is refused, with the reason and the way out. A field that would silently mean nothing is worse than a
refusal, so an unknown field is refused too. Fields that only matter to a cluster of many machines (tolerations,
priorities, pull secrets) are recorded and have no effect.
"""
