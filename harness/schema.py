"""Base of the schemas of records and rule files. No torch here."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """An immutable model; unknown fields, values of another type, NaN and infinity are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
