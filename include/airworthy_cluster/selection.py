"""Label and field selectors: which objects a request means."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from airworthy_cluster.errors import bad_request

Predicate = Callable[[dict[str, Any]], bool]

_SET_BASED = re.compile(r"^(?P<key>[\w./-]+)\s+(?P<op>in|notin)\s+\((?P<values>[^)]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[\w./-]+)\s*(?P<op>==|=|!=)\s*(?P<value>[\w./-]*)$")
_EXISTS = re.compile(r"^(?P<absent>!?)\s*(?P<key>[\w./-]+)$")
#: Field selectors by resource; the same as in Kubernetes, where asking for another is an error too.
FIELDS = {
    "pods": {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
             "status.podIP"},
    "events": {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
               "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
               "reportingComponent", "source", "type"},
    "secrets": {"type"},
    "nodes": {"spec.unschedulable"},
    "namespaces": {"status.phase"},
}  # fmt: skip


def by_labels(selector: str) -> Predicate:
    """A test for one label selector, e.g. ``app=x,tier!=y,env in (a,b),!old``.

    Raises:
        ApiError: 400, it is not a selector.
    """
    tests = [_label_test(term.strip()) for term in re.split(r",(?![^(]*\))", selector) if term.strip()]
    return lambda obj: all(test((obj["metadata"].get("labels")) or {}) for test in tests)


def _label_test(term: str) -> Predicate:
    if match := _SET_BASED.match(term):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        # as in Kubernetes, an object without the label is also "not in" the set
        return (lambda labels: labels.get(key) in values) if match["op"] == "in" else (
            lambda labels: labels.get(key) not in values
        )  # fmt: skip
    if match := _EQUALITY.match(term):
        key, value, negated = match["key"], match["value"], match["op"] == "!="
        return lambda labels: (labels.get(key) == value) is not negated
    if match := _EXISTS.match(term):
        key, absent = match["key"], bool(match["absent"])
        return lambda labels: (key in labels) is not absent
    raise bad_request(
        f"unable to parse the label selector term {term!r}; expected key=value, key in (a,b), key or !key"
    )


def by_fields(plural: str, selector: str) -> Predicate:
    """A test for one field selector, e.g. ``status.phase!=Failed,spec.nodeName=airworthy``.

    Raises:
        ApiError: 400, it is not a selector or names a field that cannot be selected by.
    """
    known = {"metadata.name", "metadata.namespace"} | FIELDS.get(plural, set())
    tests = []
    for term in filter(None, (part.strip() for part in selector.split(","))):
        match = re.match(r"^(?P<field>[\w.]+)(?P<op>==|=|!=)(?P<value>.*)$", term)
        if match is None:
            raise bad_request(f"unable to parse the field selector term {term!r}; expected field=value or field!=value")
        if match["field"] not in known:
            raise bad_request(f"field label not supported: {match['field']}; {plural} have {', '.join(sorted(known))}")
        tests.append((match["field"].split("."), match["value"], match["op"] == "!="))
    return lambda obj: all((_field(obj, path) == value) is not negated for path, value, negated in tests)


def _field(obj: Any, path: list[str]) -> str:
    for key in path:
        obj = obj.get(key) if isinstance(obj, dict) else None
    return "" if obj is None else str(obj).lower() if isinstance(obj, bool) else str(obj)


def both(plural: str, labels: str | None, fields: str | None) -> Predicate:
    """A test for a request's ``labelSelector`` and ``fieldSelector`` together."""
    by_label, by_field = by_labels(labels or ""), by_fields(plural, fields or "")
    return lambda obj: by_label(obj) and by_field(obj)
