"""A Kubernetes API for one machine: pods are local processes, so ``KubernetesPodOperator`` runs without Kubernetes.

For laptops and tests. It speaks the part of core/v1 that the operator and ``kubectl`` use; production points the same
connection at a real cluster. It is **not isolation**: a pod can do whatever the user who started the cluster can do.
``README.md`` in this folder says what a pod must know, what is refused and how, and how to run it alone.
"""
