"""Making one version: an environment, the packages, torch, the product, and its two tests."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installer import disk, libraries, selftest
from installer import models as modelling
from installer.console import StepFailed

if TYPE_CHECKING:
    from installer.console import Console
    from installer.options import Options
    from installer.packages import Packages
    from installer.product import Product
    from installer.versions import Installation

__all__ = ["BUILD", "Builder", "Plan"]

BUILD = ("environment", "packages", "torch", "product", "wiring", "trial", "seal")


@dataclass(frozen=True)
class Plan:
    """What a run makes: the product, which version it becomes, and with what."""

    product: Product
    lock: Path
    backend: str
    fingerprint: str
    version: str


class Builder:
    """The steps that make one version; each may be begun only after the one before."""

    def __init__(
        self, plan: Plan, installation: Installation, packages: Packages, console: Console,
        options: Options,
    ) -> None:  # fmt: skip
        self._plan = plan
        self._installation = installation
        self._packages = packages
        self._console = console
        self._options = options
        self._home = installation.home(plan.version)
        self._env = installation.env(plan.version)
        self._tried: selftest.Tried | None = None

    def environment(self) -> None:
        """Make an empty environment."""
        self._home.mkdir(parents=True, exist_ok=True)
        self._packages.make(self._env)
        if not self._packages.works(self._env):
            raise StepFailed(
                "Make the private environment", "its Python does not run",
                "Install Python 3.12 from python.org and use that.",
            )  # fmt: skip

    def packages(self) -> None:
        """Install the exact packages of the list, checked by their checksums."""
        kept = self._home / "product" / "lock.txt"
        disk.write(kept, self._plan.lock.read_bytes())
        self._packages.install(
            "Install the packages", self._env, ["--require-hashes", "--no-deps", "-r", str(kept)]
        )

    def torch(self) -> None:
        """Install torch in the build for this card."""
        self._packages.install_torch(self._env, self._plan.backend)

    def product(self) -> None:
        """Build the product's wheel if need be, install it, check that all fits."""
        wheel = self._plan.product.wheel(self._env, self._home / "product")
        self._packages.install("Install FlowAnchor", self._env, ["--no-deps", str(wheel)])
        self._packages.check(self._env)

    def wiring(self) -> None:
        """Send a made-up job through, without a model."""
        selftest.wiring(self._env)
        self._console.say("✓ Wiring test: a job went to the engine and came back")
        if trouble := selftest.window_trouble(self._env):
            # The engine works without a window, and a library can be added at any time.
            self._console.say(f"! The panel's window cannot open yet: {trouble}")
            if missing := libraries.missing(display=False):
                self._console.say(f"    {libraries.command(missing)}")

    def trial(self) -> None:
        """Run one small edit with the embedded model."""
        if not self._options.try_edit:
            return
        wheel = self._installation.wheel(self._plan.version)
        assert wheel is not None  # the step before wrote it
        demo = next(each for each in modelling.read_registry(wheel) if each.id == "demo")
        tried = selftest.small_edit(self._env, recommended=demo.recommended)
        self._tried = tried
        self._console.say(
            f"✓ One small edit: {tried.frames} frames in {tried.seconds:.1f} s, "
            f"{tried.seconds_per_forward * 1000:.0f} ms per model pass ({tried.device})"
        )

    def seal(self) -> None:
        """Declare the version whole."""
        wheel = self._installation.wheel(self._plan.version)
        assert wheel is not None
        facts: dict[str, Any] = {
            "product": self._plan.product.version,
            "fingerprint": self._plan.fingerprint,
            "wheel_sha256": disk.sha256(wheel),
            "backend": self._plan.backend,
            "torch": self._packages.output(
                self._env, ["-c", "import torch; print(torch.__version__)"]
            ),
            "python": platform.python_version(),
            "tool": self._packages.name,
            "tried": vars(self._tried) if self._tried else None,
        }
        self._installation.seal(self._plan.version, facts)
