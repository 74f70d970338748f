"""What every DAG of a pipeline has in common."""

from small_models import SPEC

from airworthy.ledger.events import release_id
from airworthy_airflow import dag_defaults


def test_one_version_has_one_release_run_named_like_the_release():
    assert dag_defaults.release_run_id(SPEC, "7") == release_id("flights", 7) == "flights-v7"
    assert dag_defaults.release_run_id(SPEC, "{{ version }}") == "flights-v{{ version }}"


def test_tags_name_the_project_the_pipeline_and_the_kind_of_dag_once():
    spec = SPEC.model_copy(update={"tags": ["flights", "weather"]})
    assert dag_defaults.tags(spec, "train") == ["airworthy", "flights", "train", "weather"]
