"""A digest of everything that decides the features' values: where it is the same, so are they."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from airworthy.spec.pipeline import PipelineSpec

#: The part of a `pipeline.yaml` that features depend on.
KEYS = {"key", "event_time", "prediction_time", "prediction_lead_minutes", "known_at", "label", "features"}
#: A pipeline's code that judges the values and makes none.
JUDGES = {"expectations.py"}


def features_digest(spec: PipelineSpec, pipelines: Path) -> str:
    """The digest of this folder's code, of the pipeline's, and of what its specification says of features.

    Not of the libraries, nor of the lake: another version of Spark makes no new features.

    Args:
        spec: the pipeline.
        pipelines: the folder that holds the pipeline's folder.

    Returns:
        12 hexadecimal digits. Unlike :func:`airworthy.code_version.code_version` it stays the same when code
        changes that features do not depend on.
    """
    digest = hashlib.sha256()
    files = [*Path(__file__).parent.glob("*.py"), *(pipelines / spec.name).glob("*.py")]
    for path in sorted(files, key=lambda p: (p.parent.name, p.name)):
        if path.name not in JUDGES:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    part = spec.model_dump(mode="json", include=KEYS)
    digest.update(json.dumps(part, sort_keys=True).encode())
    return digest.hexdigest()[:12]
