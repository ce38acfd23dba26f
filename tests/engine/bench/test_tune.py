"""The search on records whose outcome is known; no model runs."""

from pathlib import Path

import pytest

from flowanchor_engine.bench.cases import colour_cases
from flowanchor_engine.bench.journal import Journal, Record
from flowanchor_engine.bench.quality import Bench
from flowanchor_engine.bench.tune import LADDER, markdown, recommended_fields, tune
from flowanchor_engine.request import MethodSettings

CASES = colour_cases(6)


class Oracle(Bench):
    """Edits that turn out clean as a rule of the settings says."""

    revision = "weights"

    def run(self, cases, variants, *, pictured=0):
        for variant in variants:
            settings = variant.settings(self.recommended)
            for index, case in enumerate(cases):
                raw = {"clean": index < self.rule(settings), "ring_psnr_vae": self.psnr(settings)}
                digest = variant.digest(self.recommended)
                self.journal.append(Record("weights", case.key, digest, raw, raw, 1.0, 1, 0))


def oracle(rule):
    bench = Oracle(Path("model"), MethodSettings(guidance_source=1.0), Journal(None))
    bench.rule = rule
    bench.psnr = lambda settings: 30.0
    return bench


def test_every_switch_goes_to_its_best_value_and_the_rest_stays():
    def rule(settings):
        return (
            (settings.guidance_target == 4)
            + (settings.beta1 == settings.beta2 == 0.45)
            + (settings.noise == "annealed")
            + (settings.gamma == 0.2 and settings.amm_map == "rms")
        )

    found = tune(oracle(rule), CASES)
    assert found.settings.guidance_target == 4
    assert (found.settings.beta1, found.settings.beta2) == (0.45, 0.45)
    assert found.settings.noise == "annealed"
    assert (found.settings.gamma, found.settings.amm_map) == (0.2, "rms")
    assert found.settings.guidance_source == 1
    assert found.settings.skip_share == MethodSettings().skip_share, "no difference, no change"
    assert recommended_fields(found.settings) == {
        "guidance_source": 1.0,
        "guidance_target": 4.0,
        "beta1": 0.45,
        "beta2": 0.45,
        "noise": "annealed",
        "gamma": 0.2,
        "amm_map": "rms",
    }


def test_among_equals_the_quieter_background_counts():
    bench = oracle(lambda settings: 3)
    bench.psnr = lambda settings: 25 + 10 * settings.skip_share - settings.guidance_target
    found = tune(bench, CASES)
    assert (found.settings.skip_share, found.settings.guidance_target) == (0.44, 2)


def test_ties_keep_what_is_in_force_and_the_document_shows_every_trial():
    found = tune(oracle(lambda settings: 3), CASES)
    start = MethodSettings(guidance_source=1.0, gamma=0.0)
    assert found.settings == start
    text = markdown(found, len(CASES), 7)
    assert text.count("\n| ") == 1 + sum(len(choices) for _, choices in LADDER)
    assert "0.50 [0.19, 0.81]" in text


def test_the_order_is_told():
    told = []
    tune(
        oracle(lambda settings: 1),
        CASES,
        on_switch=lambda index, count, name: told.append((index, count, name)),
    )
    assert told == [(i, len(LADDER), name) for i, (name, _) in enumerate(LADDER)]


@pytest.mark.parametrize(("name", "choices"), LADDER)
def test_every_choice_is_a_valid_setting(name, choices):
    for choice in choices:
        MethodSettings.model_validate({**MethodSettings().model_dump(), **choice})
