"""The `features` section: what a model is given, from the request and from the feature views."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from airworthy.spec.base import Name, Section


class RequestFeatures(Section):
    """Features a prediction request carries itself."""

    categorical: list[Name] = Field([], description="text; a value that training never saw counts as unknown")
    numeric: list[Name] = Field([], description="numbers")


class FeatureView(Section):
    """Numeric features looked up by an entity key: as of the prediction time offline, the latest online."""

    entity: Name = Field(description="the key's name: column of the view, and key of the lookup")
    features: list[Name] = Field(min_length=1, description="numeric columns of the view")
    ttl_days: int = Field(10, ge=1, description="an older value is treated as missing")


class FeatureSet(Section):
    """What the model sees: what the request carries itself, and what is looked up."""

    request: RequestFeatures = Field(description="known to the caller")
    views: dict[Name, FeatureView] = Field({}, description="looked up by an entity's key")

    @property
    def categorical(self) -> list[str]:
        """Model input order of the categorical features."""
        return list(self.request.categorical)

    @property
    def numeric(self) -> list[str]:
        """Model input order of the numeric features: the request's first, then each view's."""
        return [*self.request.numeric, *(name for view in self.views.values() for name in view.features)]

    @model_validator(mode="after")
    def _names_unique(self) -> Self:
        names = [*self.categorical, *self.numeric]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"features named twice: {twice}")
        if not names:
            raise ValueError("no feature at all")
        return self
