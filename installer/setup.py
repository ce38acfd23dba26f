"""Installing, updating and repairing: one state machine.

A new version is built beside the current one, proves itself, and one rename makes it current.
Until then nothing that works is touched; afterwards every step can be done again. A first
installation that fails is continued by the same command, an update that fails is rolled back.
"""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from installer import disk, launchers, placing, resolve, scripts, torch_build
from installer.builder import BUILD, Builder, Plan
from installer.console import YES, StepFailed
from installer.journal import Journal
from installer.manifest import Manifest
from installer.packages import Packages
from installer.product import Product, lock_file
from installer.removal import finish_removal
from installer.versions import Installation

if TYPE_CHECKING:
    from collections.abc import Callable

    from installer.check import Machine
    from installer.console import Console
    from installer.options import Options
    from installer.places import Places

__all__ = ["PUBLISH", "Setup"]

PUBLISH = ("switch", "commands", "scripts", "menu")


class Setup:
    """One run of the installer in one folder; the caller holds its lock."""

    def __init__(
        self, options: Options, *, machine: Machine, places: Places, console: Console
    ) -> None:
        self._options = options
        self._machine = machine
        self._places = places
        self._console = console
        self.installation = Installation(options.folder)
        self.journal = Journal(options.folder)
        self.manifest = Manifest(options.folder)

    # Operations ------------------------------------------------------------------------------

    def install(self) -> str:
        """Install, continue an installation, or update; return the version that is current.

        Raises
        ------
        StepFailed
            A first installation keeps what is done; an update is rolled back.
        """
        if self._options.source is None:
            raise StepFailed(
                "Begin",
                "this installer lies in no copy of the product",
                "Name a checkout of FlowAnchor or its wheel with --from.",
            )
        product = Product.at(self._options.source)
        lock = lock_file(self._options.source, glibc=self._machine.glibc)
        return self._converge(product, lock, fingerprint=None, anew=False)

    def repair(self) -> str:
        """Bring a damaged installation back to what it was; return the current version.

        Raises
        ------
        StepFailed
            Nothing is installed, or it cannot be mended.
        """
        self._recover()
        name = self.installation.pointed()
        wheel = self.installation.wheel(name) if name else None
        facts = self.installation.ready(name) or {}
        lock = self.installation.home(name) / "product" / "lock.txt"
        kept = wheel is not None and disk.sha256(wheel) == facts.get("wheel_sha256")
        if wheel is None or not kept or not lock.exists():
            if self._options.source is None or not (name or self.journal.operation):
                raise StepFailed(
                    "Repair",
                    "nothing is left to repair it from",
                    "Install from a fresh copy: python3 -m installer install.",
                )
            return self.install()
        wrong = self.installation.damage(name)
        starts = self.installation.starts(name)
        if not starts:
            self._console.say("! The Python of the engine does not start any more")
        elif not wrong:
            self._console.say("✓ Every file of the engine is in place")
        else:
            self._console.say(f"! {len(wrong)} files are missing or changed, e.g. {wrong[0]}")
        return self._converge(
            Product.at(wheel),
            lock,
            fingerprint=str(facts["fingerprint"]),
            anew=bool(wrong) or not starts,
        )

    def roll_back(self) -> None:
        """Undo the operation under way: the version before it is current again."""
        new, previous = self.journal.version, self.journal.previous
        if new != previous:
            if self.installation.ready(previous):
                if self.installation.pointed() == new:
                    self.installation.point(previous)
                self._publish_files(previous)
            else:
                if self.installation.pointed() == new:
                    self.installation.unpoint()
                placing.take_away(self.manifest, self.installation.backups)
            self.installation.remove_version(new)
        self.journal.close()

    # The machine -----------------------------------------------------------------------------

    def _converge(
        self, product: Product, lock: Path, *, fingerprint: str | None, anew: bool
    ) -> str:
        plan = self._plan(product, lock, fingerprint, anew=anew)
        updating = bool(self.journal.previous) and self.journal.previous != plan.version
        try:
            if self.installation.ready(plan.version) is None or not self._built():
                self._build(plan)
            self._publish(plan)
        except StepFailed:
            if updating:
                self._console.say("… Going back to the version before")
                self.roll_back()
            raise
        except OSError as error:
            if updating:
                self.roll_back()
            raise disk.failed(f"Step “{self.journal.doing or 'begin'}”", error) from error
        self.manifest.product = product.version
        self.manifest.save()
        self._remove_old(plan.version)
        self.journal.close()
        return plan.version

    def _plan(self, product: Product, lock: Path, fingerprint: str | None, *, anew: bool) -> Plan:
        self._recover()
        backend = self._options.backend or torch_build.choose(self._machine)
        wanted = fingerprint or self._fingerprint(product, lock, backend)
        journal, current = self.journal, self.installation.current()
        if journal.operation and journal.fingerprint != wanted:
            self._console.say(f"… Taking back the unfinished {journal.operation}")
            self.roll_back()
            current = self.installation.current()
        if journal.operation:
            self._console.say(f"… Continuing the {journal.operation} at “{journal.doing}”")
            version = journal.version
        else:
            facts = self.installation.ready(current) or {}
            same = facts.get("fingerprint") == wanted and not anew
            whole = same and not self.installation.damage(current)
            whole = whole and self.installation.starts(current)
            version = current if whole else self.installation.new_name(product.version)
            if fingerprint is None and not whole:
                self._ask_to_go_back(product, str(facts.get("product", "")))
            journal.begin(
                "update" if current and not whole else "install",
                version=version, previous=current, fingerprint=wanted,
            )  # fmt: skip
            if whole:
                self._console.say(f"✓ FlowAnchor {product.version} is installed")
        self.manifest.options |= self._options.remembered()
        self.manifest.save()
        return Plan(product, lock, backend, wanted, version)

    def _ask_to_go_back(self, product: Product, installed: str) -> None:
        if not product.is_older_than(installed):
            return
        self._console.say(f"! FlowAnchor {installed} is installed; this copy is the older "
                          f"{product.version}")  # fmt: skip
        if self._options.yes:
            return
        answer = self._console.ask(f"Go back to {product.version}? (yes/no)", default="yes")
        if answer.lower() not in YES:
            raise StepFailed(
                "Update", f"FlowAnchor {installed} stays as it is",
                "For a newer one run this in a newer copy (git pull).",
            )  # fmt: skip

    def _recover(self) -> None:
        """Mend what an earlier run left, before anything else is looked at."""
        self.installation.sweep()
        if self.journal.operation == "uninstall":
            self._console.say("… Finishing the interrupted uninstallation first")
            finish_removal(self.installation, self.manifest, self.journal)
            self.manifest = Manifest(self._options.folder)

    def _built(self) -> bool:
        return self.journal.previous == self.journal.version or self.journal.is_done("seal")

    def _build(self, plan: Plan) -> None:
        if self.journal.doing in BUILD or not self.installation.home(plan.version).exists():
            # Cut off or failed in the middle: nobody knows what is whole in there.
            self.installation.remove_version(plan.version)
            self.journal.forget(*BUILD)
        packages = Packages.find(
            self._console, wheels=self._options.wheels, system=self._machine.system,
            tool=self._options.tool,
        )  # fmt: skip
        builder = Builder(plan, self.installation, packages, self._console, self._options)
        for step in BUILD:
            self._step(step, getattr(builder, step))

    def _publish(self, plan: Plan) -> None:
        # Done again in every run: each is cheap, and what the person deleted comes back.
        self.journal.forget(*PUBLISH)
        self._step("switch", lambda: self.installation.point(plan.version))
        self._publish_files(plan.version, step=self._step)

    def _step(self, name: str, action: Callable[[], None]) -> None:
        if not self.journal.is_done(name):
            self.journal.start(name)
            action()
            self.journal.finish(name)

    # Outside the versions ----------------------------------------------------------------------

    def _publish_files(
        self, version: str, step: Callable[[str, Callable[[], None]], None] | None = None
    ) -> None:
        def at_once(name: str, action: Callable[[], None]) -> None:
            del name
            action()

        run = step or at_once
        run("commands", self._write_commands)
        run("scripts", lambda: self._write_scripts(version))
        run("menu", lambda: self._write_menu(version))

    def _write_commands(self) -> None:
        told = self.manifest.options.get("models_folder")
        for path, text in launchers.commands(
            self._options.folder, models=Path(told) if told else None,
            platform=self._places.platform,
        ):  # fmt: skip
            disk.write(path, text, executable=True)

    def _write_scripts(self, version: str) -> None:
        if not self.manifest.options.get("resolve", True):
            self._place("scripts", [], "script")
            return
        wheel = self.installation.wheel(version)
        if wheel is None:
            raise StepFailed("Write the scripts", "the product's wheel is gone", "Run `repair`.")
        folders = [Path(each) for each in self.manifest.options.get("resolve_folders", [])]
        trees = resolve.trees(
            self._places, custom=folders, all_users=bool(self.manifest.options.get("all_users"))
        )
        if not trees:
            self._console.say(
                "! DaVinci Resolve was not found. Clip files can be edited; after installing "
                "Resolve run `repair`, or name its folder with --resolve-folder."
            )
            return
        panel = launchers.panel_command(self._options.folder, self._places.platform)
        wanted = scripts.wanted(
            trees, scripts.read_agent(wheel),
            version=str((self.installation.ready(version) or {}).get("product", "")), panel=panel,
        )  # fmt: skip
        self._place("scripts", wanted, "script")
        for tree in trees:
            self._console.say(f"✓ Scripts for Resolve ({tree.kind}): {tree.fusion}")
        if not scripts.startable(panel):
            self._console.say(
                "! This folder's name keeps Resolve from starting the panel; start it from the menu"
            )
        if resolve.is_running(self._places.platform):
            self._console.say("! Resolve is running: restart it to see the new Fusion action")

    def _write_menu(self, version: str) -> None:
        if not self.manifest.options.get("menu", True):
            self._place("menu entry", [], "menu")
            return
        product = str((self.installation.ready(version) or {}).get("product", ""))
        wanted = launchers.menu_files(self._options.folder, self._places, version=product)
        if self._places.platform == "win32":
            made = self._options.folder / "logs" / "FlowAnchor.lnk"
            try:
                launchers.windows_shortcut(self._options.folder, self._places, made)
                wanted = [placing.Wanted(self._places.menu_entry, made.read_bytes(), "menu")]
            except StepFailed as failure:  # a comfort; what it opens is there without it
                self._console.say(f"! {failure.step}: {failure.reason}. {failure.way_out}")
                return
            finally:
                disk.remove(made)
        self._place("menu entry", wanted, "menu")
        self._console.say(f"✓ Menu entry: {self._places.menu_entry}")

    def _place(self, what: str, wanted: list[placing.Wanted], kind: str) -> None:
        paths = {str(each.path) for each in wanted}
        stale = [
            Path(name)
            for name, entry in self.manifest.files.items()
            if entry.kind == kind and name not in paths
        ]
        backups = self.installation.backups
        placing.withdraw(stale, self.manifest, backups)
        for path in placing.place(wanted, self.manifest, backups):
            self._console.say(
                f"! {path.name} of your own was there, or ours changed by you: it is kept in "
                f"{backups} and given back when you uninstall"
            )
        if wrong := placing.in_order(wanted, self.manifest):
            raise StepFailed(
                f"Write the {what}", f"{wrong[0].path} did not arrive", "Run this again."
            )

    def _remove_old(self, current: str) -> None:
        for name in self.installation.names():
            if name == current:
                continue
            if used := self.installation.in_use(name):
                self._console.say(
                    f"! The version before is still running (process {used[0]}); it is removed "
                    "the next time"
                )
                continue
            self.installation.remove_version(name)

    def _fingerprint(self, product: Product, lock: Path, backend: str) -> str:
        parts = [product.digest(), disk.sha256(lock) or "", backend, torch_build.TORCH,
                 platform.python_version(), self._machine.architecture]  # fmt: skip
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
