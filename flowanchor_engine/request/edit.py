"""The request as a whole: stored, read again, upgraded, and hashed for the caches."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from flowanchor_engine.errors import RequestError
from flowanchor_engine.request.parts import (
    Delivery,
    Frozen,
    MatteSpec,
    MethodSettings,
    ModelSpec,
    Prompts,
    SourceSpec,
    Working,
)

__all__ = ["SCHEMA", "EditRequest", "upgrade"]

SCHEMA: Final = "flowanchor.EditRequest.1"
_COMMENT_DEPTH: Final = 32


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [value]
    for _ in range(_COMMENT_DEPTH):
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [x for items in inner for x in items if isinstance(x, dict | list | tuple)]
        if not level:
            return value
    msg = f"a comment holds lists in lists {_COMMENT_DEPTH} deep at most"
    raise ValueError(msg)


class EditRequest(Frozen):
    """Everything that decides the pixels of one edit."""

    schema_: Annotated[Literal["flowanchor.EditRequest.1"], Field(alias="schema")] = SCHEMA
    source: SourceSpec
    matte: MatteSpec | None = None
    prompts: Prompts
    method: MethodSettings = MethodSettings()
    model: ModelSpec = ModelSpec()
    working: Working = Working()
    delivery: Delivery = Delivery()
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    # Never decides pixels: slider positions, names.
    comment: Annotated[dict[str, Any], AfterValidator(_shallow)] = Field(default_factory=dict)

    model_config = ConfigDict(populate_by_name=True)

    @classmethod
    def faithful(cls, **fields: Any) -> Self:
        """Return a request with the paper's numbers (Wan2.1-1.3B: 25 steps, 5/10, 0.3, 1)."""
        return cls(method=MethodSettings(), **fields)

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """Read a request or recipe, upgrading older schemas.

        Raises
        ------
        RequestError
            Code ``request``: unknown field, value out of range, or a newer schema.
        """
        try:
            return cls.model_validate(upgrade(data))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the request"
            raise RequestError(
                f"“{where}” is not valid: {first['msg'].removeprefix('Value error, ')}.",
                hint=["fix_request"],
                detail=str(error),
            ) from error

    @classmethod
    def load_file(cls, path: Path) -> Self:
        """Read a request from a JSON file (see `load`)."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RequestError(f"There is no request file at {path}.", detail=str(error)) from error
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise RequestError(
                f"{path.name} is not a readable request file.", detail=str(error)
            ) from error
        if not isinstance(data, dict):
            raise RequestError(f"{path.name} does not hold a request.", detail=type(data).__name__)
        return cls.load(data)

    def dump(self) -> dict[str, Any]:
        """Return the request as plain JSON data; `load` gives the equal request back."""
        return self.model_dump(mode="json", by_alias=True)

    def key(self, stage: str) -> str:
        """Return the content hash of the fields on which a stage depends.

        Parameters
        ----------
        stage : {'text', 'latents', 'source', 'result'}
            'source' is the source branch of the edit: changing the matte (uncropped), the
            wanted text, guidance, beta, tau, gamma or the AMM map leaves it unchanged.

        Returns
        -------
        str
            64 hexadecimal digits. File contents are not in it: callers add their hash.
        """
        return _digest(_STAGES[stage](self.dump()))


def _pick(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: data[name] for name in names}


def _text_fields(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": data["model"],
        "now": data["prompts"]["now"],
        "wanted": data["prompts"]["wanted"],
        "negative": data["method"]["negative_prompt"],
    }


def _latent_fields(data: dict[str, Any]) -> dict[str, Any]:
    fields = {**_pick(data, "source", "model", "working")}
    if data["working"]["crop"] != "full":  # the rectangle follows the matte
        fields["matte"] = data["matte"]
    return fields


def _source_fields(data: dict[str, Any]) -> dict[str, Any]:
    method = _pick(
        data["method"],
        *("steps", "shift", "int_timesteps", "negative_prompt", "source_level"),
        *("noise", "noise_rho", "noise_averages"),
    )
    now = {"now": data["prompts"]["now"], "seed": data["seed"]}
    return {**_latent_fields(data), **now, "method": method}


def _result_fields(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "comment"}


_STAGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "text": _text_fields,
    "latents": _latent_fields,
    "source": _source_fields,
    "result": _result_fields,
}


def _unsigned_zero(data: Any) -> Any:
    """Return the data with 0.0 for -0.0: equal numbers have one spelling."""
    if isinstance(data, dict):
        return {name: _unsigned_zero(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_unsigned_zero(value) for value in data]
    return data + 0.0 if isinstance(data, float) else data


def _digest(data: object) -> str:
    text = json.dumps(
        _unsigned_zero(data), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()


# One pure function per step from version n to n + 1; none is needed yet.
_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def upgrade(data: Mapping[str, Any]) -> dict[str, Any]:
    """Bring stored request data to the present schema.

    Raises
    ------
    RequestError
        Code ``request`` if the label is missing, foreign or newer than this engine.
    """
    label = data.get("schema")
    name, _, number = str(label).rpartition(".")
    current = int(SCHEMA.rpartition(".")[2])
    if name != SCHEMA.rpartition(".")[0] or not re.fullmatch("[1-9][0-9]{0,5}", number):
        raise RequestError(
            "This is not a FlowAnchor request (its schema label is missing or foreign).",
            hint=["fix_request"],
            detail=f"schema={label!r}",
        )
    if int(number) > current:
        raise RequestError(
            "This recipe was made by a newer FlowAnchor; update to use it.",
            hint=["update_engine"],
            detail=f"schema={label!r}, newest known {SCHEMA}",
        )
    result = dict(data)
    for version in range(int(number), current):
        result = _UPGRADES[version](result)
    return result
