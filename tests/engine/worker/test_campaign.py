"""The engine is asked to stop two hundred times, at random moments of every phase."""

from __future__ import annotations

import pytest

from flowanchor_engine.bench import stops


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_two_hundred_stops_break_no_law(record_property: pytest.FixtureRequest) -> None:
    found = stops.run(200, seed=1)
    for phase, *figures in found.rows():
        record_property(phase, figures)  # type: ignore[operator]
    assert found.broken == ()
    assert len(found.stops) == 200
    in_time = {phase for phase in stops.PHASES if found.of(phase)}
    # Reading a tiny clip and its text may be over before the wish arrives; the rest may not.
    assert {"waiting", "load", "encode", "edit"} <= in_time
