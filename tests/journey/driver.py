"""The panel with hands: a panel as it is started by its command, driven over stdin and stdout.

    python driver.py [the panel's own arguments]

Imports nothing of the tests, so that it drives whichever panel the interpreter has installed.
Every line on stdin is a JSON object ``{"do": ...}``; every answer is one line of what the panel
shows then. The panel's own `main` runs: lock, log, signals and all. Its engine has what
`FLOWANCHOR_GATE` holds on its path for modules, see `tests.doubles.gate`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from PySide6.QtCore import QSocketNotifier

import plugin.app
from plugin.control import suite
from plugin.services.launch import Launch, local_engine
from plugin.ui.actions import Target

OUT = os.fdopen(os.dup(1), "w", buffering=1)


class Driven(plugin.app.Application):
    """The application, listening."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._rest = b""
        self._pressed = 0
        self._ear = QSocketNotifier(0, QSocketNotifier.Type.Read, self)
        self._ear.activated.connect(self._hear)

    def _hear(self) -> None:
        piece = os.read(0, 65536)
        if not piece:
            self._ear.setEnabled(False)
            return
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if self.started:
                self._do(told)
            OUT.write(json.dumps(self._shown() if self.started else {"host": ""}) + "\n")

    def _do(self, told: dict[str, Any]) -> None:
        model = self.suite.model
        match told["do"]:
            case "work":
                self.panel.show_work()
            case "write":
                model.prompts.now.set(told["now"])
                model.prompts.wanted.set(told["wanted"])
                model.strengths.quality.set("draft")
                model.seed.set(7)
                model.seed_locked.set(True)
            case "deliver":
                model.delivery_kind.set(told["kind"])
            case "where":
                model.strengths.where.set(told["value"])
            case "edit":  # whether it can be pressed changes by itself, so whoever asks looks
                if model.can_run.value:
                    self._pressed += 1
                    self.panel.act.edit.click()
            case "act":
                target = Target(take=told.get("take"), text=told.get("text", ""))
                self.suite.actions.run(told["name"], target)
            case "look":
                pass
            case other:
                raise ValueError(other)

    def _shown(self) -> dict[str, Any]:
        suite, model = self.suite, self.suite.model
        shot, message = model.shot.shot.value, model.messages.current.value
        running = model.queue.running
        return {
            "host": model.host.value.kind,
            "edition": model.host.value.product,
            "engine": model.engine.value.phase,
            "pids": [suite.engine.pid, suite.host.pid],
            "shot": shot.name if shot is not None else "",
            "frames": suite.book.ready.value,
            "matte": model.matte.label.value if suite.book.matte.value is not None else "",
            "can_run": model.can_run.value,
            "pressed": self._pressed,
            "why_not": model.why_not.value,
            "said": message.key if message is not None else "",
            "buttons": [button.action for button in message.buttons] if message else [],
            "told": [
                [each.key, [button.action for button in each.buttons]]
                for each in model.messages.history
            ],
            "done": running.done if running is not None else 0,
            "paused": model.queue.paused.value,
            "jobs": [[job.id, job.state, job.attempts] for job in model.queue.jobs],
            "takes": [[take.id, take.file, take.placed] for take in model.takes.all],
            "source": plugin.app.__file__,
        }


def _gated(**options: Any) -> Launch:
    return local_engine(**options).with_variables(PYTHONPATH=os.environ["FLOWANCHOR_GATE"])


suite.local_engine = _gated  # type: ignore[attr-defined]
plugin.app.Application = Driven  # type: ignore[misc]
if __name__ == "__main__":
    sys.exit(plugin.app.main(sys.argv[1:]))
