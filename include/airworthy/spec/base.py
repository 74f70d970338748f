"""What every section of a `pipeline.yaml` shares: no unknown keys, and the types several of them use."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A mapping of a `pipeline.yaml`; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
