"""A whole release against a real MLflow server: what the aliases and tags say after every step."""

import pytest
from evaluations import figures, first_of
from made_versions import always
from small_models import SPEC

from airworthy.evaluation.document import Slice
from airworthy.ledger.ledger import Ledger
from airworthy.registry.registry import Registry
from airworthy.registry.tags import DATA_VERSION
from airworthy.release.approvals import NotApproved, Response
from airworthy.release.controller import ReleaseController
from airworthy.release.decisions.canary import Verdict
from airworthy.release.evidence import markdown
from airworthy.settings import Settings
from airworthy.traffic.serving_state import ServingState
from airworthy.traffic.variants import VariantMeasurement

NAME = "release_on_mlflow"
MEASURED = {"challenger": VariantMeasurement(120, 0, 5.0), "champion": VariantMeasurement(2280, 0, 5.0)}


def test_a_release_moves_the_aliases_of_a_real_registry(mlflow_url, tmp_path):
    spec = SPEC.model_copy(update={"name": NAME})
    registry = Registry(mlflow_url)
    control = ReleaseController(spec, registry, Ledger(f"sqlite:///{tmp_path / 'ledger.db'}"), Settings(home=tmp_path))

    def train(train_run):
        version = always(
            registry,
            spec,
            0.3,
            train_run=train_run,
            kind="candidate",
            tags={DATA_VERSION: "4", "airworthy.triggered_by": "bob"},
        )
        run_id = registry.versions.get(NAME, version).run_id
        candidate = figures(5000, rate=0.25, roc_auc=0.74, log_loss=0.41)
        evaluation = first_of(
            spec,
            train_run,
            run_id,
            data_version="4",
            candidate=candidate,
            average=figures(5000, rate=0.25, roc_auc=0.5, log_loss=0.56),
            average_answer=0.24,
            slices=(Slice(column="origin", value="JFK", candidate=candidate),),
        )
        registry.server.client.log_dict(run_id, evaluation.model_dump(mode="json"), "evaluation.json")
        return version

    first = train("scheduled__1")
    control.enter(first)
    report = control.check(first)
    assert report.passed, report.reason
    baseline = registry.aliases.get(NAME, "champion")
    assert baseline is not None and registry.versions.tags(NAME, baseline)["airworthy.kind"] == "baseline"
    control.start_canary(first)
    canary = ServingState(baseline, first, 5.0, f"{NAME}-v{first}")
    assert registry.aliases.serving_state(NAME) == canary
    control.record_verdict(first, Verdict("promote", "0 errors"), MEASURED)

    evidence = control.evidence(first)
    assert evidence.champion_is_baseline and evidence.champion_version == baseline
    assert evidence.triggered_by == "bob" and evidence.data_version == "4"
    page = markdown.page(evidence)
    assert "only the always-average baseline" in page and f"{mlflow_url}/#/models/{NAME}/versions/{first}" in page
    control.request_approval(first, evidence)
    with pytest.raises(NotApproved):
        control.promote(first)
    assert registry.aliases.serving_state(NAME) == canary
    assert control.record_response(first, Response(user="ann", answer="approve", digest=evidence.digest)).allowed
    control.promote(first)
    assert registry.aliases.serving_state(NAME) == ServingState(champion=first)

    second = train("scheduled__2")
    control.enter(second)
    assert control.check(second).passed
    control.start_canary(second)
    registry.aliases.set(NAME, "champion", second)  # by hand, past the ledger
    assert control.reconcile() == [f"champion: v{first}, was v{second}"]
    assert registry.aliases.serving_state(NAME) == ServingState(first, second, 5.0, f"{NAME}-v{second}")
    control.roll_back(second, "ann", "not today")
    assert registry.aliases.serving_state(NAME) == ServingState(champion=first)

    control.restore(None, "ann", "start over")
    assert registry.aliases.serving_state(NAME) == ServingState(champion=baseline)
    assert control.ledger.verify() == len(control.ledger.entries())
    control.ledger.close()
