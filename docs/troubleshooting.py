"""Writes `troubleshooting.md` from the error catalogues: `python docs/troubleshooting.py`.

The sentence and the buttons of every code come from the product itself; only the advice, what
to do where no button helps, is written here.
"""

# ruff: noqa: E501 - one line of advice per code reads better than broken sentences

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from flowanchor_engine import errors as engine_errors  # noqa: E402
from plugin.locale import load, tr  # noqa: E402
from plugin.state.errors import BUTTONS  # noqa: E402
from resolve_bridge.errors import catalogue as bridge_errors  # noqa: E402

PAGE = ROOT / "docs" / "troubleshooting.md"


def _kinds(module: ModuleType) -> dict[str, type[Exception]]:
    """Return a module's own error classes by code: which others are loaded changes nothing."""
    return {
        code: kind
        for code, kind in module.catalogue().items()
        if kind.__module__.startswith(module.__name__.removesuffix(".catalogue"))
    }


def engine_catalogue() -> dict[str, type[Exception]]:
    """Return the engine's errors by code."""
    return _kinds(engine_errors)


def bridge_catalogue() -> dict[str, type[Exception]]:
    """Return the bridge's errors by code."""
    return _kinds(bridge_errors)


_REPORT = "Copy the report from the panel's Details and open an issue with it."
_FRESH = "Run `flowanchor-setup repair`; it renews what is damaged and keeps the rest."

# heading -> code -> what to do
ADVICE: dict[str, dict[str, str]] = {
    "Clips": {
        "clip_missing": "Relink or move the file back, then press Reread. Cards and network drives that were ejected show the same.",
        "clip_unreadable": "Play the file in another program. If it plays there, render it in Resolve to ProRes or DNxHR and open that.",
        "clip_unsupported": "Camera raw (BRAW, R3D, ARRIRAW) is decoded by Resolve alone. From the timeline this happens by itself; for a file, render it first.",
        "clip_range": "The file is shorter than the project believes, often after it was replaced. Press Reread, or set a range inside it.",
        "clip_short": "The model sees motion in groups of four frames. Extend the clip on the timeline by its handles.",
        "pixels_nonfinite": "Float EXR files can hold NaN or infinity. Find the operation that made them, or render to half float through a clamp.",
    },
    "Mattes": {
        "matte_missing": "Load the matte again or move it back.",
        "matte_unreadable": "A matte is a clip, an image sequence or one still; white is where the edit may happen. See the matte guide.",
        "matte_mismatch": "One still serves for any length. Otherwise a matte needs as many frames as the shot, or Repeat last frame must be allowed.",
        "matte_empty": "Check on the Fusion page that the mask's level is not 0 and that it is not keyframed out of the picture. Invert may be set.",
        "no_mask": "Any Polygon, Ellipse, Rectangle or B-Spline on this clip will do. A matte file works too.",
        "fusion.unreadable": "Resolve wrote no usable text of the composition. Try once more, then load a matte file.",
        "fusion.syntax": "The composition holds something that the reader does not know. Please report it; a matte file works meanwhile.",
        "fusion.request": "The tool was renamed or deleted since. Press Reread and choose the mask again.",
        "comp_export": "Resolve refuses to write the composition out, for example on a full disk. A matte file always works.",
        "saver": "Masks that only Fusion can compute are rendered by Fusion itself; that failed. Render the mask by hand and load it.",
        "comp_altered": "A tool that was added for rendering the mask could not be removed. Press Undo once on the Fusion page.",
    },
    "Words and numbers": {
        "words": "Driving words must stand in the wanted text letter by letter. Click the chips, or put [brackets] around them.",
        "words_unchanged": "Say what should be different. Equal texts mean an equal picture.",
        "request": "The request comes from another version or was edited by hand. Reset the settings of this shot.",
        "range": "Press Reset, then change one slider at a time.",
        "size": "Width and height must be multiples of 16 for this model. Leave the size empty to let it be chosen.",
        "latents_nonfinite": "Lower How strongly, or choose full precision in Settings. Some older cards overflow in half precision.",
        "guard": "Another extension has changed the model's attention. Restart the engine.",
    },
    "Models": {
        "model_missing": "Get it in Settings > Models or by `flowanchor models get`. Files that are already here: `flowanchor models import FOLDER`.",
        "model_incomplete": "A download was cut off. Getting it again fetches only what is missing.",
        "model_damaged": "`flowanchor models get` fetches the damaged files again; `flowanchor models verify` names them.",
        "model_unsafe": "Pickled weights can run code. Use the safetensors edition of the same model.",
        "model_unsupported": "FlowAnchor edits with models of the Wan2.1 and Wan2.2 family in diffusers' layout.",
        "model_busy": "Wait for the other download to end. If none runs, a second panel or command is open.",
        "model_exists": "Remove the old one first, or import under another name with `--as`.",
        "model_foreign": "These files were there before FlowAnchor. Delete the folder by hand if you want that.",
        "net": "Check the connection; proxies are taken from the system. Without a network: copy the folder from another computer and import it.",
    },
    "Memory and disks": {
        "vram": "Save memory keeps parts of the model in main memory and takes longer. A shorter range needs less too, and so does Expert > Part > Around matte, quick.",
        "vram_busy": "Resolve holds graphics memory for its own viewer; lower its timeline resolution. *Wait until free* begins the edit by itself once there is room.",
        "ram": "Close other programs. Offloaded models need as much main memory as the model is large.",
        "disk": "Clear unstarred takes, or choose another folder in Settings. A fifth is always kept to spare.",
        "output": "Check that the folder can be written and the file is not open elsewhere.",
    },
    "The engine": {
        "engine_missing": "Run `python3 -m installer install`.",
        "engine_start": f"The last lines are under Details. {_FRESH}",
        "engine_died": "Look under Details for the last lines. Out of memory is the usual reason: shorten the range or save memory.",
        "engine_silent": "A first run on a card compiles for minutes. If nothing moves after that, Force stop loses only this job's progress.",
        "engine_remote": "Check that the other computer is on and that `ssh` reaches it without a question. `flowanchor-engine` must be found there.",
        "engine_busy": "One engine per graphics card. Close the other panel or the running `flowanchor` command.",
        "driver": "Update the graphics driver. If it happens with this shot only, lower its size and report it.",
        "protocol": f"Panel and engine are of different versions or another program writes into their conversation. {_FRESH}",
        "version": f"An update was interrupted. {_FRESH}",
        "internal": _REPORT,
    },
    "The panel": {
        "panel": _REPORT,
        "panel_missing": "This environment holds only the engine. Run `flowanchor-setup repair`; in a checkout, `python3 -m installer setup`.",
        "upkeep": "Read the last lines under Details, then run the same by hand: `flowanchor-setup repair`. It continues where it stopped, and the version before keeps working.",
        "store": "The list lies on a full, read-only or network disk. Move it to a disk of this computer in Settings.",
        "store_newer": "Use the newer FlowAnchor again; the older one leaves the list as it is.",
        "settings": "The settings file cannot be written. Check the rights of its folder.",
        "proxy": "The pictures for the viewer were deleted while it was open. Press Reread.",
        "host_child": "It restarts by itself. If it keeps stopping, report it with the last lines.",
    },
    "The link to Resolve": {
        "no_link": "Workspace > Scripts > FlowAnchor. If that entry is missing, run `flowanchor-setup doctor`.",
        "host_silent": "Look for an open dialog on every screen. A render or a long undo blocks Resolve too.",
        "host_lost": "Start Resolve, open the same project, start the link and press Place.",
        "host_restarted": "Each start of Resolve needs Workspace > Scripts > FlowAnchor once.",
        "link_old": "Run `flowanchor-setup repair`, then start the link again.",
        "host_dialog": "Free Resolve opens an upgrade dialog for Studio functions, sometimes behind other windows.",
        "two_hosts": "Close one of the two.",
        "studio_missing": "Preferences > System > General > External scripting using: Local, then restart Resolve. The menu link works without.",
        "studio_crashed": "Resolve's library picked a Python it cannot run. Use the menu link; it needs no Python.",
        "bridge_protocol": "Another script writes into the mailbox, or versions are mixed. Run `flowanchor-setup repair`.",
        "mailbox": "The folder must belong to you and be writable; `flowanchor-setup doctor` names it. On Windows its path must be plain ASCII.",
        "bridge": _REPORT,
        "host": _REPORT,
        "call_refused": "A dialog, a locked track or the wrong page are the usual reasons. Try again on the Edit page.",
        "stale_object": "Press Reread.",
        "resolve_old": "Update Resolve to 18.5 or later, or edit clip files.",
    },
    "The shot on the timeline": {
        "no_project": "Open a project.",
        "no_timeline": "Open a timeline.",
        "no_clip": "Before 21.0.4 Resolve does not tell what is selected: park the playhead on the clip.",
        "many_clips": "Select one.",
        "clip_kind": "Titles, generators, transitions and audio cannot be edited. Compound and Fusion clips: render in place.",
        "clip_offline": "Relink it in the Media Pool.",
        "clip_facts": "Retimes with ramps and nested clips may show this. Render in place.",
        "host_changed": "The clip was moved. Place at new position puts the take where the clip is now.",
        "host_trimmed": "Undo the trim, or make the edit again for the new length.",
        "project_changed": "Open the project and timeline of the shot again; the take waits.",
    },
    "Rendering in Resolve": {
        "render_busy": "Wait for your render on the Deliver page.",
        "render_codec": "Free Resolve on Linux lacks some codecs; install what it offers, or edit the source file.",
        "render_setup": "Close the Deliver page's open dialogs and try again.",
        "render_stalled": "Restart Resolve. A full disk or a missing font stops renders too.",
        "render_failed": "Try the same render by hand on the Deliver page; it says why.",
        "render_mismatch": "Resolve wrote another length or size. Check the timeline's frame rate against the project's.",
        "cancelled": "Nothing to do: you asked for it.",
    },
    "Placing takes": {
        "original": "Originals, mattes and the files of takes are never written over. Any other name or folder will do.",
        "result_file": "Make the edit again: the same recipe gives the same pictures.",
        "result_pictures": "Pictures were deleted, renamed or added in its folder. Put them back, or make the edit again.",
        "import_refused": "Import the file by hand; Reveal file shows where it is.",
        "import_split": "The switch is in the menu with three dots of the Media page's browser. Resolve keeps it, so it is needed once.",
        "import_rate": "Pictures carry no rate; Resolve gives them the project's and usually lets FlowAnchor set another. If the clip lies in a bin of yours at that rate, delete it there, or choose ProRes under Expert > Codec.",
        "place_unconfirmed": "Look at the timeline: if the take is there, all is well. If not, try again.",
        "track_locked": "Unlock the track.",
        "take_length": "A take must be exactly as long as its clip. Place it as Patch.",
        "take_kind": "Only clips with media have takes. Place it as Frame.",
        "no_recipe": "Only clips that FlowAnchor placed carry a recipe.",
        "undo_changed": "Delete the clip by hand; the take stays in the list.",
        "restore": "Check page, playhead and marks. Nothing on the timeline was changed.",
    },
}

_INSTALLING = """\
## Installing

Every failure names its step, the reason and a way out; the full log is
`logs/install.log` in the program folder. The same command continues where it was.

| What it says | What to do |
|---|---|
| Check Python: this Python cannot make private environments | `apt install python3-venv`, or install uv |
| Check the computer: glibc … | The system is too old for torch (2.28 is needed, 2018) |
| Check the disk / Check the folders | Name other folders: `--folder`, `--models-folder` |
| Find the folders: … | `HOME` is missing; set it and run it again |
| … this user may not read or write there | Run it as the user who installed, or choose a folder of your own |
| Read what is installed: … is damaged | `installation.json` was torn or edited. Restore it, or rename it and run `repair`; files of yours that were set aside stay in `backup` |
| Uninstall: … the list of what belongs to it, is gone | Run `repair`, then `uninstall` |
| … is synchronised by … | OneDrive, iCloud and Dropbox tear environments apart; name another folder |
| another installer is at work | Wait; if none runs, the lock frees itself with the process |
| Install the packages: … hash … | A mirror or proxy delivers altered files; nothing of them was installed |
| Install torch: … | Behind a proxy, set `HTTPS_PROXY`; without a network see *Offline* in the installation guide |
| Test the wiring / Try one small edit | The new version does not work here; an update went back to the old one. Report the log |
| Uninstall: … is not of the installation | A large file of yours lies in the program folder; move it |
| Window system: missing … | Run the command that the line names |
"""


def page() -> str:
    """Return the page as Markdown."""
    lines = [
        "# Troubleshooting",
        "",
        "Every message carries a code; search this page for it. Under *Details* the panel shows",
        "the code and the technical text, on the command line the code stands in brackets.",
        "`flowanchor-setup doctor` looks at the whole installation and names one way out per line;",
        "`flowanchor-setup` lies in the program folder under `bin`.",
        "",
        "This page is made from the product's own catalogues by `python docs/troubleshooting.py`.",
        "",
        _INSTALLING,
    ]
    known = {**bridge_catalogue(), **engine_catalogue()}
    for heading, advice in ADVICE.items():
        lines += [f"## {heading}", ""]
        for code, text in advice.items():
            lines += [f"### `{code}`", "", f"**{_sentence(code)}**", ""]
            kind = known.get(code)
            if kind is not None and kind.__doc__:
                lines += [f"Behind it: {_first(kind.__doc__)}", ""]
            lines += [text, ""]
            labels = [tr(f"button.{name}") for name in BUTTONS.get(code, ())]
            if labels:
                lines += [f"In the panel: {', '.join(f'*{label}*' for label in labels)}.", ""]
    return "\n".join(lines).rstrip() + "\n"


def _sentence(code: str) -> str:
    """Return what the panel says, with “…” where it names a file or a number."""
    text = load("en").find(f"error.{code}")
    assert text is not None, code
    return text.format_map(_Blanks())


class _Blanks(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


def _first(docstring: str) -> str:
    return " ".join(docstring.strip().split("\n\n")[0].split())


def codes() -> set[str]:
    """Return every code that a person may meet."""
    return {*engine_catalogue(), *bridge_catalogue(), *BUTTONS}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
