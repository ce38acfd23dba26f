"""The contact sheet: every picture, by state, language and scale."""

from __future__ import annotations

from html import escape
from pathlib import Path

__all__ = ["write_sheet"]

HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>FlowAnchor gallery</title>
<style>
body{background:#1b1b1f;color:#c8c8cc;font:14px sans-serif;margin:24px}
h1{font-size:20px}h2{font-size:15px;margin:32px 0 8px;border-top:1px solid #3a3a42;padding-top:12px}
.row{display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start}
figure{margin:0}figcaption{font-size:12px;color:#aeaeb6;padding:4px 0}
img{max-height:560px;max-width:420px;border:1px solid #3a3a42;display:block}
nav a{color:#c8c8cc;margin-right:12px}
</style>"""


def write_sheet(out: Path) -> Path:
    """Write ``index.html`` over all pictures below a folder and return its path."""
    pictures: dict[str, list[Path]] = {}
    for path in sorted(out.glob("*/*.png")):
        pictures.setdefault(path.stem, []).append(path)
    parts = [HEAD, "<h1>FlowAnchor gallery</h1><nav>"]
    parts += [f'<a href="#{escape(name)}">{escape(name)}</a>' for name in pictures]
    parts.append("</nav>")
    for name, paths in pictures.items():
        parts.append(f'<h2 id="{escape(name)}">{escape(name)}</h2><div class="row">')
        for path in paths:
            where = escape(path.relative_to(out).as_posix())
            parts.append(
                f'<figure><a href="{where}"><img loading="lazy" src="{where}" '
                f'alt="{escape(name)}, {escape(path.parent.name)}"></a>'
                f"<figcaption>{escape(path.parent.name)}</figcaption></figure>"
            )
        parts.append("</div>")
    target = out / "index.html"
    target.write_text("\n".join(parts) + "</html>\n", encoding="utf-8")
    return target
