"""What the cluster says that it can do, to clients and in its README, is what it does."""

from __future__ import annotations

import re

from cluster_under_test import ROOT, Cluster

from airworthy_cluster import discovery

README = (ROOT / "include" / "airworthy_cluster" / "README.md").read_text()


def test_the_readme_lists_every_resource_with_its_verbs() -> None:
    section = README.split("## What of core/v1 it speaks")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| ([a-z/]+) \| ([a-z, ]+) \|$", section, re.MULTILINE))
    del rows["resource"]
    assert {name: set(verbs.split(", ")) for name, verbs in rows.items()} == {
        resource["name"]: set(resource["verbs"]) for resource in discovery.resources()["resources"]
    }


def test_the_readme_names_every_module_once() -> None:
    section = README.split("## How it is made")[1].split("\n## ")[0]
    named = re.findall(r"`([\w/]+)`", " ".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))
    folder = ROOT / "include" / "airworthy_cluster"
    modules = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    assert sorted(named) == sorted([*modules, "validation/"])


def test_clients_are_told_the_same(cluster: Cluster) -> None:
    found = {resource.name: set(resource.verbs) for resource in cluster.api.get_api_resources().resources}
    assert found["nodes"] == {"get", "list", "watch"}
    assert found["pods"] >= {"create", "delete", "patch"}
    assert found["pods/log"] == {"get"}
