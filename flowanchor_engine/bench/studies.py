"""What the quality report asks: which variants on which cases, compared with what.

The paper's tables in kind: its parts alone and together (Table 2), the sweeps of beta, gamma
and tau (Table 3), boxes and loose masks against exact ones (Table 4); then clip length for
AMM, the pads and every other switch that the paper leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from flowanchor_engine.bench.cases import TEST_SEED, Case, colour_cases, kind_cases
from flowanchor_engine.bench.variants import AMM_GAMMA, COMPONENTS, REFERENCES, Variant

if TYPE_CHECKING:
    from flowanchor_engine.bench.cases import MatteStyle
    from flowanchor_engine.bench.quality import Bench
    from flowanchor_engine.demo.scenes import EditKind
    from flowanchor_engine.request import MethodSettings

__all__ = ["Arm", "Sizes", "Study", "all_studies", "run_study"]

_PLAIN, _SAR, _FULL = COMPONENTS[0], COMPONENTS[3], COMPONENTS[7]
_AMM = COMPONENTS[4]
_UNEDITED, _TRUTH = REFERENCES
_SAR_CHANGES: Final = {"sar": True, "gamma": 0.0}


@dataclass(frozen=True)
class Arm:
    """One row: a variant on its cases.

    Attributes
    ----------
    group : str
        Arms of one group share their cases, so that they can be compared pair by pair.
    x : float, optional
        Place on the axis of a sweep.
    """

    name: str
    variant: Variant
    cases: tuple[Case, ...]
    group: str = ""
    x: float | None = None


@dataclass(frozen=True)
class Study:
    """A question and the arms that answer it.

    Attributes
    ----------
    reference : str
        Name of the variant that the others are tested against, within each group.
    axis : str
        Label of a sweep's axis; empty where arms are names.
    columns : tuple of str
        Scores in the table, see `tables.COLUMNS`.
    pictured : int
        Cases that get a row in a contact sheet.
    """

    key: str
    title: str
    question: str
    arms: tuple[Arm, ...]
    reference: str
    axis: str = ""
    columns: tuple[str, ...] = ("success", "leak", "clean", "ring_psnr_vae", "flicker_outside")
    pictured: int = 0

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups in the order of their arms."""
        return tuple(dict.fromkeys(arm.group for arm in self.arms))

    @property
    def sheet_groups(self) -> tuple[str, ...]:
        """Groups that a contact sheet shows: those with the arms of the first one."""
        names = {
            group: [arm.name for arm in self.arms if arm.group == group] for group in self.groups
        }
        return tuple(group for group in self.groups if names[group] == names[self.groups[0]])


@dataclass(frozen=True)
class Sizes:
    """How large a report is.

    Attributes
    ----------
    cases : int
        Cases of the headline; the other studies take a share of it.
    picture : (width, height)
        Of headline, kinds, mattes and parts.
    sweep_picture : (width, height)
        Of sweeps and lengths, which take most of the time.
    probed : int
        Cases over which AMM's maps are read; 0 leaves that section out.
    """

    cases: int = 96
    picture: tuple[int, int] = (128, 128)
    sweep_picture: tuple[int, int] = (96, 96)
    seed: int = TEST_SEED
    probed: int = 12

    def part(self, divisor: int) -> int:
        """Return a share of the headline's cases in whole groups of six, at least six."""
        return max(6, round(self.cases / divisor / 6) * 6)


@dataclass(frozen=True)
class _Axis:
    key: str
    title: str
    question: str
    axis: str
    points: tuple[tuple[str, float | None, Mapping[str, Any]], ...]
    reference: str
    base: Mapping[str, Any] = field(default_factory=lambda: _SAR_CHANGES)


def all_studies(sizes: Sizes, recommended: MethodSettings) -> tuple[Study, ...]:
    """Return the studies of the report, the most important first.

    Parameters
    ----------
    sizes : Sizes
    recommended : MethodSettings
        The model's own numbers; sweeps are drawn around them.
    """
    return (
        _headline(sizes),
        _kinds(sizes),
        _components(sizes),
        _mattes(sizes),
        _lengths(sizes),
        *(_sweep(axis, sizes) for axis in _axes(recommended)),
    )


def run_study(bench: Bench, study: Study) -> None:
    """Make every edit that a study needs and that is not done yet."""
    groups: dict[tuple[bool, tuple[Case, ...]], list[Variant]] = {}
    for arm in study.arms:
        shown = arm.group in study.sheet_groups
        groups.setdefault((shown, arm.cases), []).append(arm.variant)
    for (shown, cases), variants in groups.items():
        bench.run(cases, variants, pictured=study.pictured if shown else 0)


def _arms(variants: Sequence[Variant], cases: tuple[Case, ...], group: str = "") -> list[Arm]:
    return [Arm(variant.name, variant, cases, group) for variant in variants]


def _headline(sizes: Sizes) -> Study:
    cases = colour_cases(sizes.cases, sizes.seed, size=sizes.picture)
    pairs = tuple(case for case in cases if case.same_shape)
    return Study(
        key="headline",
        title="Does anchoring keep the edit on the right object?",
        question="Colour edits of one object among two or three, exact mattes.",
        arms=(
            *_arms((_UNEDITED, _PLAIN, _SAR, _TRUTH), cases, "all cases"),
            *_arms((_PLAIN, _SAR), pairs, "same-shape pairs"),
        ),
        reference=_PLAIN.name,
        columns=(
            *("success", "strict", "leak", "clean", "ring_psnr_vae", "background_psnr"),
            *("locality", "flicker_outside", "warping_error"),
        ),
        pictured=12,
    )


def _kinds(sizes: Sizes) -> Study:
    arms: list[Arm] = []
    kinds: tuple[EditKind, ...] = ("material", "shape", "background")
    for kind in kinds:
        cases = kind_cases(kind, sizes.part(5), sizes.seed, size=sizes.picture)
        arms += _arms((_UNEDITED, _PLAIN, _SAR, _TRUTH), cases, kind)
    return Study(
        key="kinds",
        title="Material, shape and background",
        question="The same comparison for harder changes.",
        arms=tuple(arms),
        reference=_PLAIN.name,
        columns=("success", "leak", "clean", "iou", "psnr_truth", "ring_psnr_vae"),
        pictured=4,
    )


def _components(sizes: Sizes) -> Study:
    cases = colour_cases(sizes.part(4), sizes.seed, size=sizes.picture)
    return Study(
        key="components",
        title="The parts of the method, alone and together",
        question=(
            "TTM is the text-token modulation (beta2 = 0), STM the spatio-temporal one "
            f"(beta1 = 0); AMM runs at gamma {AMM_GAMMA:g}. In kind the paper's Table 2."
        ),
        arms=tuple(_arms(COMPONENTS, cases)),
        reference=_PLAIN.name,
        columns=(
            *("success", "leak", "clean", "ring_psnr_vae", "locality", "flicker_outside"),
            "colour_shift",
        ),
    )


def _mattes(sizes: Sizes) -> Study:
    arms: list[Arm] = []
    styles: tuple[MatteStyle, ...] = ("exact", "box", "lasso", "late")
    cases = colour_cases(sizes.part(5), sizes.seed, size=sizes.picture)
    for style in styles:
        drawn = tuple(replace(case, matte=style) for case in cases)
        arms += _arms((_PLAIN, _SAR), drawn, style)
    return Study(
        key="mattes",
        title="How exact must the matte be?",
        question=(
            "Every pixel of the object; its box; a loose wobbling outline that lags behind; the "
            "exact matte from the sixth frame on. In kind the paper's Table 4."
        ),
        arms=tuple(arms),
        reference=_PLAIN.name,
        columns=("success", "leak", "clean", "ring_psnr_vae", "locality", "before_matte"),
    )


def _lengths(sizes: Sizes) -> Study:
    arms: list[Arm] = []
    for frames, divisor in ((9, 8), (17, 8), (33, 16)):
        cases = colour_cases(
            sizes.part(divisor), sizes.seed, size=sizes.sweep_picture, frames=frames
        )
        arms += _arms((_PLAIN, _SAR, _AMM, _FULL), cases, f"{frames} frames")
    return Study(
        key="lengths",
        title="Do longer clips lose strength, and does AMM bring it back?",
        question="3, 5 and 9 latent frames; AMM signed as published.",
        arms=tuple(arms),
        reference=_PLAIN.name,
        columns=("success", "progress", "leak", "clean", "ring_psnr_vae", "flicker_inside"),
    )


def _sweep(axis: _Axis, sizes: Sizes) -> Study:
    cases = colour_cases(sizes.part(8), sizes.seed, size=sizes.sweep_picture)
    return Study(
        key=axis.key,
        title=axis.title,
        question=axis.question,
        arms=tuple(
            Arm(name, Variant(name, {**axis.base, **changes}), cases, x=x)
            for name, x, changes in axis.points
        ),
        reference=axis.reference,
        axis=axis.axis,
    )


def _values(
    switch: str, values: Sequence[float], *also: str
) -> tuple[tuple[str, float | None, Mapping[str, Any]], ...]:
    return tuple(
        (f"{value:g}", float(value), dict.fromkeys((switch, *also), value)) for value in values
    )


def _axes(recommended: MethodSettings) -> tuple[_Axis, ...]:
    w_source = recommended.guidance_source
    guidance = [
        (f"{w_source:g}/{target:g}", float(target), {"guidance_target": float(target)})
        for target in (1.5, 2, 3, 4, 6, 10)
    ]
    paper = ("5/10 (paper)", None, {"guidance_source": 5.0, "guidance_target": 10.0})
    return (
        _Axis(
            *("beta", "Strength of the anchoring, beta1 = beta2"),
            *("The paper's Table 3 in kind; 0 is plain.", "beta"),
            _values("beta1", (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7), "beta2"),
            reference="0.3",
        ),
        *(
            _Axis(
                f"gamma_{map_}",
                f"Strength of AMM, {map_} map, with SAR",
                "The paper's Table 3 in kind; 0 is SAR alone, 1 the published value.",
                "gamma",
                _values("gamma", (0, 0.2, 0.5, 1, 1.5)),
                reference="0",
                base={"sar": True, "amm_map": map_},
            )
            for map_ in ("signed", "abs", "rms")
        ),
        _Axis(
            *("tau", "Where the anchoring ends, tau as a noise level"),
            *("Steps with sigma >= tau are anchored. The paper's Table 3 in kind.", "tau (sigma)"),
            _values("tau", (0.2, 0.4, 0.6, 0.8, 0.9)),
            reference="0.6",
        ),
        _Axis(
            *("tau_index", "Where the anchoring ends, tau as a share of the steps"),
            *("The other reading of the paper (A6).", "tau (index)"),
            _values("tau", (0.2, 0.4, 0.6, 0.8)),
            reference="0.6",
            base={**_SAR_CHANGES, "tau_unit": "index"},
        ),
        _Axis(
            *("guidance", "Guidance of the wanted text"),
            *(f"Source guidance {w_source:g}, but for the paper's pair.", "target guidance"),
            (*guidance, paper),
            reference=f"{w_source:g}/{recommended.guidance_target:g}"
            if any(x == recommended.guidance_target for _, x, _ in guidance)
            else guidance[2][0],
        ),
        _Axis(
            *("steps", "Number of steps"),
            *("12 is the draft.", "steps"),
            _values("steps", (8, 12, 25, 40)),
            reference="25",
        ),
        _Axis(
            *("skip", "Share of the noisiest steps that is skipped"),
            *("The paper skips 2 of 25, that is 0.08.", "skipped share"),
            _values("skip_share", (0, 0.08, 0.2, 0.32, 0.44)),
            reference=f"{recommended.skip_share:g}"
            if recommended.skip_share in (0, 0.08, 0.2, 0.32, 0.44)
            else "0.08",
        ),
        _Axis(
            *("noise", "Noise across steps and averages"),
            *("Policies of A5, and several draws per step.", ""),
            (
                ("fresh", None, {"noise": "fresh", "noise_averages": 1}),
                ("annealed", None, {"noise": "annealed", "noise_averages": 1}),
                ("shared", None, {"noise": "shared", "noise_averages": 1}),
                ("fresh, 2 draws", None, {"noise": "fresh", "noise_averages": 2}),
                ("fresh, 4 draws", None, {"noise": "fresh", "noise_averages": 4}),
            ),
            reference="fresh",
        ),
        _Axis(
            *("switches", "Pads and other choices that the paper leaves open"),
            *("Each switch alone, everything else as the first row.", ""),
            (
                ("pads real", None, {"sar_pads": "real"}),
                ("pads all", None, {"sar_pads": "all"}),
                ("pads stats_all", None, {"sar_pads": "stats_all"}),
                ("end token excluded", None, {"sar_eos": "exclude"}),
                ("heads averaged", None, {"sar_heads": "averaged"}),
                ("source anchored too", None, {"sar_branches": "+source_cond"}),
                ("unconditional anchored too", None, {"sar_branches": "+uncond"}),
                ("previous source level", None, {"source_level": "previous"}),
                ("UniPC on dV", None, {"solver": "unipc_on_delta"}),
                ("matte threshold 0.5", None, {"mask_theta": 0.5}),
            ),
            reference="pads real",
        ),
        _Axis(
            *("faithful", "The published numbers on the embedded model"),
            *("Guidance 5/10, shift 5, beta 0.3, gamma 1, Wan's negative prompt.", ""),
            (
                ("recommended", None, dict(_SAR_CHANGES)),
                ("faithful plain", None, {"sar": False, "gamma": 0.0}),
                ("faithful SAR", None, {"sar": True, "gamma": 0.0}),
                ("faithful full", None, {"sar": True, "gamma": 1.0}),
            ),
            reference="recommended",
            base={},
        ),
    )
