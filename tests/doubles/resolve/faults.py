"""What can go wrong, one switch each.

``Faults()`` is a Resolve in good health. A fault is set when the double is made
(``Double(faults=Faults(append="phantom"))``) or later (``double.faults.append = "phantom"``).
Things that happen at a certain call are set with :meth:`tests.doubles.resolve.double.Double.on`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class ResolveGoneError(RuntimeError):
    """A proxy whose Resolve, or whose object, is gone raised instead of answering."""


class NotReproducedError(AssertionError):
    """The method exists in Resolve but the double does not know what it does."""


class AgentStoppedError(Exception):
    """The test, or the death of Resolve, ended the script that is running in it."""


@dataclass
class Faults:
    """Every fault, healthy by default."""

    # Objects
    fabricated: bool = False
    """Unknown names read as callables that answer None (an in-app run of 21.0.0 did)."""
    stale: str = "quiet"
    """quiet | raise: how a handle of something deleted answers."""
    die_after: int | None = None
    """Resolve dies at this many further calls."""
    death: str = "raise"
    """raise | none: how Python proxies of a dead Resolve answer."""
    dead_handles: bool = False
    """A stale scripting process answers: there is a ``resolve`` and all it says is None."""
    page_none: bool = False
    """``GetCurrentPage`` answers None."""
    empty_as_none: bool = False
    """Methods that give lists answer None where the list would be empty."""
    # Time
    first_deliver: float = 0.0
    """Seconds that opening the Deliver page for the first time takes."""
    slow: dict[str, float] = field(default_factory=dict)
    """Method -> seconds it holds up everything."""
    hang: set[str] = field(default_factory=set)
    """Methods that never return until ``double.release()``."""
    modal_blocks: bool = False
    """Calls under a dialog do not answer False but wait until it is closed."""
    # Media Pool and timeline
    append: str = "drop"
    """drop | slide | phantom: what an overlapping append does."""
    append_result: str = "items"
    """items | empty | none_item | empty_ids | fewer | more: the answer of a working append."""
    append_start: str = "offset"
    """offset | absolute: what startFrame counts where the clip's Start is not 0."""
    left_offset: str = "offset"
    """offset | absolute: what ``GetLeftOffset`` counts from where the clip's Start is not 0."""
    append_vanishes: bool = False
    """Placements of an append that lost one disappear at the next save."""
    append_short: bool = True
    """Mixed rates may land one frame short."""
    import_nothing: bool = False
    import_dicts: bool = True
    """Whether ``ImportMedia`` takes dicts of numbered files; else it takes paths alone."""
    individual_frames: bool = False
    """The Media page shows individual frames: every picture is imported as a clip."""
    sequence_rate: str = ""
    """The rate that sequences get; '' for the project's."""
    sequence_path: str = "label"
    """label | first: what a sequence shows as 'File Path'."""
    fps: str = "works"
    """works | refused | ignored: what setting the clip property FPS does."""
    fps_number: bool = False
    """The clip property FPS reads as a number, not as text."""
    usage: str = "counted"
    """counted | late | empty: how the clip property Usage reads; late is always 0."""
    job_numbers: str = "int"
    """int | str | float: how the numbers of a render job read."""
    reimport: str = "empty"
    """empty | same | new: what importing a known path answers."""
    duplicate_current: bool = True
    """Whether ``DuplicateTimeline`` makes the copy current."""
    track_enable: str = "any"
    """any | edit: pages on which ``SetTrackEnable`` has an effect; elsewhere it is False."""
    delete_clips_refusals: int = 0
    """How often ``DeleteClips`` is False on the Edit page before it works."""
    take_selection: str = "new"
    """new | old: which take is selected after ``AddTake``."""
    take_not_applied: bool = False
    """``AddTake`` answers True and adds nothing."""
    link_selected_audio: bool = True
    """``GetSelectedClips`` also gives the linked audio."""
    # Render
    needs_deliver: bool = False
    """Presets and render settings are False off the Deliver page."""
    wedged: bool = False
    """Jobs stay at 'Ready for background render', 0 %."""
    render_error: str = ""
    """A job fails with this text."""
    complete_without_file: bool = False
    nested_output: bool = False
    """Rendered files lie in a sub-folder of TargetDir."""
    render_short: int = 0
    """Frames missing at the end of what was rendered."""
    add_job: str = "id"
    """id | empty | none: what ``AddRenderJob`` answers."""
    modal_mid_render: bool = False
    format_unknown: bool = False
    """``GetCurrentRenderFormatAndCodec`` answers 'unknown'."""
    still_lag: float = 1.0
    """Seconds until the viewer, and so a still, follows the playhead."""
    # Fusion
    export_comp_fails: bool = False
    comp_render_fails: bool = False
    unrooted: str = "ignored"
    """ignored | fails: what a MediaOut without a path from MediaIn does to a render."""
    scripted_comps: bool = True
    """False: scripted comps are unusable, as reported for free 21.1."""
    prefs_silent: bool = False
    """``SavePrefs`` writes nothing."""
    rectangle_height_of: str = "width"
    """width | height: what a RectangleMask's Height is a fraction of."""
    # Files
    disk_full: bool = False
    read_only: list[str] = field(default_factory=list)
    """Folders that cannot be written."""
    save_project: str = "works"
    """works | refused: what ``SaveProject`` does on a named project."""
