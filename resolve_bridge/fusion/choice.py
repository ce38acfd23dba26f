"""Which mask is meant, when nobody has said so.

In order: the tool that was right-clicked; the one mask in force on the way to `MediaOut`;
the one mask whose name says it is for us; the one mask that is connected to nothing. Two
candidates of the same rank, or a mask named for us beside another one in force: ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolve_bridge.fusion.model import Comp, Endpoint, Tool

__all__ = ["Ask", "Candidate", "Chosen", "NoMask", "Why", "choose"]


class Why(StrEnum):
    """What made a mask a candidate."""

    PICKED = "picked"
    MASKS_PICKED = "masks_picked"
    IN_FORCE = "in_force"
    NAMED = "named"
    LOOSE = "loose"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One mask that may be meant.

    Attributes
    ----------
    tool : str
        The topmost mask tool of its chain, as `Comp.tool` finds it.
    why : Why
    consumers : tuple of str
        Tools it masks.
    is_inverted_there : bool
        Whether a consumer applies it turned around; the matte is the mask as drawn.
    """

    tool: str
    why: Why
    consumers: tuple[str, ...] = ()
    is_inverted_there: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The meant mask."""

    mask: Candidate


@dataclass(frozen=True, slots=True)
class Ask:
    """Several masks may be meant; only the person knows."""

    candidates: tuple[Candidate, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class NoMask:
    """There is no mask to be found."""

    sentence: str


Choice = Chosen | Ask | NoMask

_OURS = frozenset({"ai", "edit"})


def choose(comp: Comp, picked: str | None = None) -> Choice:
    """Choose the meant mask.

    Parameters
    ----------
    comp : Comp
    picked : str, optional
        Name of the tool that was right-clicked: a mask, or a tool that is masked.

    Returns
    -------
    Chosen, Ask or NoMask

    Raises
    ------
    MaskRequestError
        Code ``fusion.request``: the picked tool is not in the composition.
    """
    users = _users(comp)
    if picked is not None:
        return _choose_picked(comp, comp.tool(picked), users)
    in_force = _in_force(comp, users)
    loose = [tool for tool in comp.tools
             if tool.is_mask and not tool.pass_through and not users.get(id(tool))]  # fmt: skip
    found = [_candidate(tool, Why.IN_FORCE, users, comp) for tool in in_force]
    found += [_candidate(tool, Why.LOOSE, users, comp) for tool in loose]
    if not found:
        return NoMask("The Fusion composition has no mask.")
    named = [mask for mask in found if _is_named_for_us(mask.tool.rpartition("/")[2])]
    first_rank = [mask for mask in found if mask.why is Why.IN_FORCE]
    if len(first_rank) == 1 and all(mask == first_rank[0] for mask in named):
        return Chosen(first_rank[0])
    if len(named) == 1 and len(first_rank) != 1:
        only = named[0]
        return Chosen(Candidate(only.tool, Why.NAMED, only.consumers, only.is_inverted_there))
    if not first_rank and len(found) == 1:
        return Chosen(found[0])
    return Ask(tuple(found), f"The Fusion composition has {len(found)} masks; choose one.")


def _choose_picked(comp: Comp, tool: Tool, users: dict[int, list[tuple[Tool, str]]]) -> Choice:
    if tool.is_mask:
        return Chosen(_candidate(tool, Why.PICKED, users, comp))
    masks: dict[int, Tool] = {}
    for _, end in comp.wires(tool):
        if _is_matte(end):
            masks[id(end.tool)] = end.tool
    found = tuple(_candidate(mask, Why.MASKS_PICKED, users, comp) for mask in masks.values())
    if len(found) == 1:
        return Chosen(found[0])
    if found:
        return Ask(found, f"{tool.name} has {len(found)} masks; choose one.")
    if "mask" in tool.reg_id.lower() or "Mask" in _read_outputs(comp, tool):
        # A matte of a kind this version does not know: let the evaluation name it.
        return Chosen(_candidate(tool, Why.PICKED, users, comp))
    return NoMask(f"{tool.name} has no mask.")


def _is_matte(end: Endpoint) -> bool:
    return end.tool.is_mask or end.output == "Mask"


def _read_outputs(comp: Comp, tool: Tool) -> set[str]:
    """Return the outputs of a tool that something reads."""
    return {end.output for user in comp.tools for _, end in comp.wires(user) if end.tool is tool}


def _users(comp: Comp) -> dict[int, list[tuple[Tool, str]]]:
    """Map every tool to the tools and inputs it feeds."""
    users: dict[int, list[tuple[Tool, str]]] = {}
    for tool in comp.tools:
        for name, end in comp.wires(tool):
            users.setdefault(id(end.tool), []).append((tool, name))
    return users


def _in_force(comp: Comp, users: dict[int, list[tuple[Tool, str]]]) -> list[Tool]:
    """Return the topmost mask of every chain that acts on the picture that is put out."""
    outs = [tool for tool in comp.tools if tool.reg_id == "MediaOut"]
    if not outs:
        # A setting: its last tool that feeds nothing stands for the output.
        ends = [tool for tool in comp.tools
                if not users.get(id(tool)) and not tool.is_mask and tool.inputs]  # fmt: skip
        outs = ends[-1:]
    # Only the first MediaOut feeds the timeline.
    pending = [min(outs, key=lambda tool: (len(tool.name), tool.name))] if outs else []
    seen: set[int] = set()
    found: dict[int, Tool] = {}
    while pending:
        tool = pending.pop()
        if id(tool) in seen:
            continue
        seen.add(id(tool))
        if tool.pass_through:
            through = comp.main_input(tool)
            if through is not None:
                pending.append(through.tool)
            continue
        for _, end in comp.wires(tool):
            if _is_matte(end):
                head = _topmost_in_force(comp, end.tool)
                if head is not None:
                    found[id(head)] = head
            else:
                pending.append(end.tool)
    return list(found.values())


def _topmost_in_force(comp: Comp, mask: Tool) -> Tool | None:
    """Step down over switched-off masks to the first that draws."""
    seen: set[int] = set()
    at: Tool | None = mask
    while at is not None and at.pass_through and id(at) not in seen:
        seen.add(id(at))
        below = comp.source(at, "EffectMask")
        at = None if below is None else below.tool
    return at if at is not None and not at.pass_through else None


def _candidate(
    tool: Tool, why: Why, users: dict[int, list[tuple[Tool, str]]], comp: Comp
) -> Candidate:
    consumers = [user for user, _ in users.get(id(tool), []) if not user.is_mask]
    inverted = False
    for user in consumers:
        given = comp.input(user, "ApplyMaskInverted")
        inverted = inverted or (given is not None and given.value in (1, 1.0, True))
    names = tuple(dict.fromkeys(user.name for user in consumers))
    return Candidate(comp.address(tool), why, names, inverted)


def _is_named_for_us(name: str) -> bool:
    """Whether a word of the name, split at signs, digits and capitals, is AI or EDIT."""
    words: list[str] = []
    word = ""
    previous = ""
    for index, sign in enumerate(name):
        follows = name[index + 1 : index + 2]
        starts_word = sign.isupper() and (previous.islower() or follows.islower())
        if not sign.isalpha() or starts_word:
            words.append(word)
            word = ""
        if sign.isalpha():
            word += sign
        previous = sign
    words.append(word)
    return any(word.lower() in _OURS for word in words)
