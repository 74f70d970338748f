"""Objects on disk."""

from __future__ import annotations

from pathlib import Path

from airworthy_cluster.store import Store


def test_objects_survive_and_versions_only_grow_when_the_store_is_opened_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = store.create("configmaps", {"metadata": {"name": "kept", "namespace": "n"}})
    gone = store.create("configmaps", {"metadata": {"name": "gone", "namespace": "n"}})
    store.remove("configmaps", gone)
    again = Store(tmp_path)
    assert again.list("configmaps") == [kept]
    new = again.create("configmaps", {"metadata": {"name": "new", "namespace": "n"}})
    assert int(new["metadata"]["resourceVersion"]) > int(gone["metadata"]["resourceVersion"])
    assert again.save("configmaps", new) is new
