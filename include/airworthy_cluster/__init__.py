"""A Kubernetes API for one machine: pods are local processes, so ``KubernetesPodOperator`` runs without Kubernetes.

For laptops and tests. It speaks the part of core/v1 that the operator and ``kubectl`` use; production points the same
connection at a real cluster. What to know before writing a pod for both:

- ``image`` is recorded, not run. ``command`` runs with the cluster's own Python first on ``PATH``, and is required.
- A process has no mount namespace. ``emptyDir``, ``hostPath``, ``secret`` and ``configMap`` volumes are folders whose
  path is handed over as ``AIRWORTHY_MOUNT_<VOLUME>``, also usable as ``$(AIRWORTHY_MOUNT_<VOLUME>)`` in ``command``.
- ``HOME`` and the working directory are the pod's own folder unless ``workingDir`` exists on this machine.
- A process sees a short allow-list of the cluster's environment (``environment.INHERITED``), never all of it.
- CPU requests queue pods, they do not throttle them. Memory limits are watched (``OOMKilled``), GPU requests choose
  ``CUDA_VISIBLE_DEVICES``.
- What a process cannot honour (claims, probes, privileges, ...) is refused with a 422 that says so.
- It is **not isolation**: a pod can do whatever the user who started the cluster can do.

Looked at before writing this: kind, k3s, minikube and microk8s need root or a container runtime; kwok fakes pods
without running them; envtest has no kubelet.
"""
