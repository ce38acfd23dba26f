"""Choose a model's recommended numbers on scenes that no report shows.

One switch after the other is set to the value with the most clean edits, among equals to that
with the higher PSNR outside; what is as good as the value in force does not replace it. Chance
moves such choices: the report on other scenes says what they are worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flowanchor_engine.bench.stats import bootstrap_mean, wilson
from flowanchor_engine.bench.variants import Variant

if TYPE_CHECKING:
    from flowanchor_engine.bench.cases import Case
    from flowanchor_engine.bench.quality import Bench
    from flowanchor_engine.bench.stats import Interval
    from flowanchor_engine.request import MethodSettings

__all__ = ["LADDER", "Trial", "Tuning", "markdown", "recommended_fields", "tune"]

Choice = Mapping[str, Any]

LADDER: Final[tuple[tuple[str, tuple[Choice, ...]], ...]] = (
    ("skip", tuple({"skip_share": s} for s in (0.08, 0.2, 0.32, 0.44))),
    ("guidance", tuple({"guidance_target": w} for w in (2.0, 3.0, 4.0))),
    ("beta", tuple({"beta1": b, "beta2": b} for b in (0.2, 0.3, 0.45, 0.6))),
    ("tau", tuple({"tau": t} for t in (0.3, 0.6, 0.8))),
    ("noise", ({"noise": "fresh"}, {"noise": "annealed"}, {"noise": "shared"})),
    ("averages", tuple({"noise_averages": n} for n in (1, 2))),
    (
        "AMM",
        (
            {"gamma": 0.0},
            *({"gamma": g, "amm_map": m} for m in ("signed", "rms") for g in (0.2, 0.5)),
        ),
    ),
)
"""Switches in the order in which they are set, with the values that are tried."""


@dataclass(frozen=True)
class Trial:
    """One value that was tried, with everything chosen before it in force."""

    switch: str
    value: str
    clean: Interval
    psnr: Interval
    chosen: bool


@dataclass(frozen=True)
class Tuning:
    """The numbers chosen and the way there."""

    settings: MethodSettings
    trials: tuple[Trial, ...]


def tune(
    bench: Bench,
    cases: Sequence[Case],
    *,
    ladder: Sequence[tuple[str, Sequence[Choice]]] = LADDER,
    on_switch: Callable[[int, int, str], None] | None = None,
) -> Tuning:
    """Set one switch after the other by the share of clean edits.

    Parameters
    ----------
    bench : Bench
        Its recommended numbers are the start.
    cases : sequence of Case
        From the validation range of seeds; kinds and groups as they should count.
    ladder : sequence of (name, choices)
    on_switch : callable, optional
        Called with (index, count, name) before each switch.
    """
    settings = bench.recommended.model_copy(update={"sar": True, "gamma": 0.0})
    trials: list[Trial] = []
    for index, (name, choices) in enumerate(ladder):
        if on_switch is not None:
            on_switch(index, len(ladder), name)
        variants = [_variant(settings, choice) for choice in choices]
        in_force = _variant(settings, {})
        bench.run(cases, [in_force, *variants])
        best, best_rank = in_force, _rank(bench, cases, in_force)
        for variant in variants:
            found = _rank(bench, cases, variant)
            if found > best_rank:
                best, best_rank = variant, found
        for choice, variant in zip(choices, variants, strict=True):
            records = [bench.record(case, variant) for case in cases]
            trials.append(
                Trial(
                    name,
                    ", ".join(f"{key} {value}" for key, value in choice.items()),
                    wilson(sum(bool(item.raw["clean"]) for item in records), len(records)),
                    bootstrap_mean(
                        [float(item.raw.get("ring_psnr_vae", float("nan"))) for item in records]
                    ),
                    variant.settings(bench.recommended) == best.settings(bench.recommended),
                )
            )
        settings = best.settings(bench.recommended)
    return Tuning(settings, tuple(trials))


def _variant(settings: MethodSettings, choice: Choice) -> Variant:
    return Variant("trial", {**settings.model_dump(), **choice})


def _rank(bench: Bench, cases: Sequence[Case], variant: Variant) -> tuple[int, float]:
    """Clean edits first, then the PSNR outside in tenths of a dB."""
    found = [bench.record(case, variant).raw for case in cases]
    outside = bootstrap_mean([float(raw.get("ring_psnr_vae", float("nan"))) for raw in found])
    return sum(bool(raw["clean"]) for raw in found), round(outside.value, 1)


def recommended_fields(tuned: MethodSettings) -> dict[str, Any]:
    """Return the fields that differ from the published numbers, as the registry keeps them."""
    fields = type(tuned).model_fields
    return {
        name: value for name, value in tuned.model_dump().items() if value != fields[name].default
    }


def markdown(tuning: Tuning, cases: int, seed: int) -> str:
    """Return the way to the recommended numbers as a Markdown document."""
    lines = [
        "# How the embedded model's numbers were chosen",
        "",
        "Written by `flowanchor bench tune`. "
        f"{cases} colour cases from seed {seed} on, which the report does not use. Each switch "
        "takes the value with the most clean edits, among equals the higher PSNR outside, while "
        "everything above it stays as chosen. Brackets hold 95 % intervals: most neighbours are "
        "not different beyond chance.",
        "",
        "| switch | value | clean ↑ | PSNR outside, dB ↑ | |",
        "|-|-|-|-|-|",
    ]
    for trial in tuning.trials:
        lines.append(
            f"| {trial.switch} | {trial.value} | {_shown(trial.clean, 2)} | "
            f"{_shown(trial.psnr, 1)} | {'chosen' if trial.chosen else ''} |"
        )
    return "\n".join(lines) + "\n"


def _shown(found: Interval, digits: int) -> str:
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"
