"""The tags that tie runs, versions and registered models to data, code and releases: every name once."""

from __future__ import annotations

#: Every tag of ours begins so.
PREFIX = "airworthy."

#: On runs and on model versions.
TRAIN_RUN = "airworthy.train_run"
KIND = "airworthy.kind"
#: The kinds: a training's model, which has to pass gates; the always-average model, which answers before anyone did.
CANDIDATE, BASELINE = "candidate", "baseline"
DATA_VERSION = "airworthy.data_version"
RAW_VERSIONS = "airworthy.raw_versions"
CODE_VERSION = "airworthy.code_version"
DATA_UNTIL = "airworthy.data_until"
EVIDENCE_DIGEST = "airworthy.evidence_digest"
#: Who asked for the training, why, and what kind of Airflow run it was.
TRIGGERED_BY = "airworthy.triggered_by"
REASON = "airworthy.reason"
RUN_TYPE = "airworthy.run_type"
#: On runs only. MODEL_ID is the last thing a training writes: a run that has it is complete.
MODEL_ID = "airworthy.model_id"
GATES = "airworthy.gates"
#: On registered models.
CANARY_PERCENT = "airworthy.canary_percent"
RELEASE_ID = "airworthy.release_id"
