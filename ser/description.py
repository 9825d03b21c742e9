"""What the config.json of a model's folder says of the model."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of config.json, without other entries or types."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True
    )


class EncoderSource(Part):
    """Which encoder a model was trained with, and where it is."""

    source: str | None  # hub name, or a folder of the repository
    revision: str | None = Field(pattern="^[0-9a-f]{40}$")
    weights_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    included: bool
    cache: str | None = None  # of the hub, on the machine of the run


class Description(Part):
    """The entry "emotion_model" of config.json."""

    format: Literal[1] = 1
    classes: list[str] = Field(min_length=2, max_length=1000)
    pooling: Literal["mean", "mean_std", "attention"]
    layers: Literal["weighted", "last"]
    hidden_sizes: list[int] = Field(max_length=10)
    num_heads: int = Field(ge=1, le=100)
    normalise: Literal["none", "speaker"] = "none"
    temperature: float = Field(gt=0)
    normalize_wav: bool
    encoder: EncoderSource
    weights_sha256: dict[Literal["head.safetensors", "model.safetensors"], str]
    about: str = ""
