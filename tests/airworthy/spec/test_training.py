"""The training section: what a pod asks for."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from airworthy.spec.training import Profile, Training


def test_the_chosen_profile_says_what_the_pod_asks_for() -> None:
    gpu = Profile(gpus=2, cpu="8", memory="32Gi")
    assert Training(profile="gpu", profiles={"laptop": Profile(), "gpu": gpu}).resources == gpu


def test_a_profile_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValidationError, match=r"'moon' is not among profiles \['laptop'\]"):
        Training(profile="moon")


@pytest.mark.parametrize("quantity", ["4GB", "a lot", "-1", "1 Gi", ""])
def test_what_kubernetes_would_not_read_is_no_quantity(quantity: str) -> None:
    with pytest.raises(ValidationError, match="memory"):
        Profile(memory=quantity)


@pytest.mark.parametrize("quantity", ["500m", "1", "1.5", "4Gi", "2G"])
def test_kubernetes_quantities_are_taken(quantity: str) -> None:
    assert Profile(cpu=quantity).cpu == quantity
