"""Draw the picture of docs/architecture.md from the imports of the code; make_docs.py calls it.

A box is a package. It is drawn above all packages that it imports, so that arrows lead down; an
import against the order appears as a red arrow that leads up. Arrows that others imply are left
out: if `a` imports `b` and `c`, and `b` imports `c`, only `a` to `b` and `b` to `c` are drawn.
"""

import ast
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "gauntlet": "gauntlet",
    "gauntlet.scenarios": "scenarios",
    "gauntlet.chaos": "chaos",
    "gauntlet.reports": "reports",
    "gauntlet.reference_server": "reference_server",
}
# The boxes of the picture in rows, with their captions.
ROWS = (
    (("gauntlet.cli", "the command"), ("gauntlet.locust", "base class for your own users")),
    (("gauntlet.campaigns", "many runs, and the page of guarantees"),),
    (("gauntlet.runner", "one run, from boot to verdict"),),
    (("gauntlet.stacks", "systems that can be booted"),),
    (
        ("gauntlet.scenarios", "the load"),
        ("gauntlet.chaos", "the faults"),
        ("gauntlet.reports", "the judgement"),
    ),
    (("gauntlet.core", "shared: scenario, records, run directory"),),
)
SERVER = ("gauntlet.reference_server", "the system under test that ships with Gauntlet")
DETAILED = ("gauntlet.scenarios", "gauntlet.chaos", "gauntlet.reports", "gauntlet.reference_server")
BOXES = [name for row in ROWS for name, _ in row] + [SERVER[0]]

WIDTH, MARGIN, PADDING, GAP = 1180, 16, 8, 26
PART_WIDTH, PART_HEIGHT, FLOOR_HEIGHT = 100, 24, 44
HEAD = 40
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2933 }
.name { font-weight: 600 } .about { fill: #52606d; font-size: 12px }
.part { font-size: 12px; text-anchor: middle }
.box { fill: #f5f7fa; stroke: #9aa5b1 } .inner { fill: #ffffff; stroke: #cbd2d9 }
.arrow { stroke: #7b8794; fill: none; stroke-width: 1.2; marker-end: url(#head) }
.thin { stroke: #b6bec8; fill: none; stroke-width: 1; marker-end: url(#small) }
.up { stroke: #cf1124 }
"""


def imports() -> Iterator[tuple[str, str]]:
    """Yield every import between two modules of the project, as dotted names.

    A text such as `gauntlet.cli.doctor:run` names a module that is imported when it is needed.
    """
    modules = dict(_modules())
    for module, file in modules.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    target = full if full in modules else node.module
                    if target in modules:
                        yield module, target
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                target, colon, _ = node.value.partition(":")
                if colon and target in modules:
                    yield module, target


def _modules() -> Iterator[tuple[str, Path]]:
    for package, folder in FOLDERS.items():
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = file.relative_to(ROOT / folder).with_suffix("").parts
            yield ".".join((package, *(part for part in parts if part != "__init__"))), file


def box_of(module: str) -> str | None:
    """Return the box of the picture that a module belongs to; None if there is none."""
    fitting = [box for box in BOXES if f"{module}.".startswith(f"{box}.")]
    return max(fitting, key=len, default=None)


def part_of(module: str, box: str) -> str | None:
    """Return the part (sub-package or module) of a box that a module belongs to.

    None for the package of the box itself.
    """
    return module.removeprefix(f"{box}.").split(".")[0] if module != box else None


def floors(parts: set[str], edges: set[tuple[str, str]]) -> list[list[str]]:
    """Return the parts in rows from the top, each part above all parts that it imports."""
    height: dict[str, int] = {}

    def measure(part: str, path: tuple[str, ...] = ()) -> int:
        if part not in height:
            below = [to for source, to in edges if source == part and to not in (*path, part)]
            height[part] = 1 + max((measure(to, (*path, part)) for to in below), default=0)
        return height[part]

    rows: dict[int, list[str]] = {}
    for part in sorted(parts):
        rows.setdefault(measure(part), []).append(part)
    return [rows[level] for level in sorted(rows, reverse=True)]


def reduced(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the edges without those that a longer path implies; edges of cycles are kept."""

    def reaches(start: str, goal: str, without: tuple[str, str]) -> bool:
        seen, pending = {start}, [start]
        while pending:
            node = pending.pop()
            for edge in edges:
                if edge[0] == node and edge != without and edge[1] not in seen:
                    if edge[1] == goal:
                        return True
                    seen.add(edge[1])
                    pending.append(edge[1])
        return False

    return {edge for edge in edges if not reaches(*edge, without=edge)}


class Picture:
    """Collects the elements of the SVG and the places (x, y, width, height) of the boxes."""

    def __init__(self) -> None:
        self.elements: list[str] = []
        self.places: dict[str, tuple[float, float, float, float]] = {}
        self.height = 0.0

    def box(self, name: str, about: str, x: float, y: float, width: float, height: float) -> None:
        """Draw a large package."""
        self.places[name] = (x, y, width, height)
        self.height = max(self.height, y + height)
        self.elements += [
            f'<rect class="box" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>',
            f'<text class="name" x="{x + 10:g}" y="{y + 17:g}">{escape(name)}</text>',
            f'<text class="about" x="{x + 10:g}" y="{y + 32:g}">{escape(about)}</text>',
        ]

    def parts(
        self,
        rows: list[list[str]],
        edges: set[tuple[str, str]],
        x: float,
        y: float,
        width: float,
    ) -> None:
        """Draw the parts of a package in their rows, and the arrows between them."""
        places = {}
        for level, row in enumerate(rows):
            step = width / len(row)
            for at, part in enumerate(row):
                places[part] = (x + step * (at + 0.5), y + level * FLOOR_HEIGHT)
        for source, to in sorted(reduced(edges)):
            (x1, y1), (x2, y2) = places[source], places[to]
            kind = "thin" if y2 > y1 else "thin up"
            self.elements.append(
                f'<path class="{kind}" d="M{x1:g} {y1 + PART_HEIGHT:g} L{x2:g} {y2 - 1:g}"/>'
            )
        for part, (middle, top) in places.items():
            left = middle - PART_WIDTH / 2
            self.elements += [
                _rectangle(left, top),
                f'<text class="part" x="{middle:g}" y="{top + 16:g}">{escape(part)}</text>',
            ]

    def arrow(self, source: str, to: str) -> None:
        """Draw an arrow between two large packages."""
        x1, y1, w1, h1 = self.places[source]
        x2, y2, w2, h2 = self.places[to]
        if y2 >= y1 + h1:
            path = f"M{x1 + w1 / 2:g} {y1 + h1:g} L{x2 + w2 / 2:g} {y2 - 1:g}"
            self.elements.append(f'<path class="arrow" d="{path}"/>')
        else:
            path = f"M{x1 + w1:g} {y1 + h1 / 2:g} L{x2 - 1:g} {y2 + h2 / 2:g}"
            self.elements.append(f'<path class="arrow" d="{path}"/>')

    def svg(self) -> str:
        """Return the complete SVG document."""
        size = f'width="{WIDTH}" height="{self.height + MARGIN:g}"'
        heads = "".join(
            f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="{size_}" '
            f'markerHeight="{size_}" orient="auto">'
            f'<path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
            for name, size_, colour in (("head", 8, "#7b8794"), ("small", 6, "#b6bec8"))
        )
        body = "\n".join(self.elements)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
            f'viewBox="0 0 {WIDTH} {self.height + MARGIN:g}">\n'
            f"<style>{_STYLE}</style>\n<defs>{heads}</defs>\n"
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
        )


def _rectangle(left: float, top: float) -> str:
    size = f'width="{PART_WIDTH}" height="{PART_HEIGHT}"'
    return f'<rect class="inner" x="{left:g}" y="{top:g}" {size} rx="4"/>'


def draw() -> str:
    """Return the picture as SVG."""
    between: set[tuple[str, str]] = set()
    within: dict[str, set[tuple[str, str]]] = {name: set() for name in DETAILED}
    parts: dict[str, set[str]] = {name: set() for name in DETAILED}
    for source, to in imports():
        box, target = box_of(source), box_of(to)
        if box is None or target is None:
            continue
        if box != target:
            between.add((box, target))
        elif box in within:
            pair = part_of(source, box), part_of(to, box)
            parts[box] |= {part for part in pair if part}
            if pair[0] and pair[1] and pair[0] != pair[1]:
                within[box].add((pair[0], pair[1]))
    picture = Picture()
    y = float(MARGIN)
    for row in (*ROWS, (SERVER,)):
        rows = {name: floors(parts[name], within[name]) if name in parts else [] for name, _ in row}
        total = WIDTH - 2 * MARGIN - GAP * (len(row) - 1)
        widest = {name: max([len(each) for each in rows[name]] or [1]) for name, _ in row}
        height = HEAD + max(len(each) for each in rows.values()) * FLOOR_HEIGHT
        x = float(MARGIN)
        for name, about in row:
            width = total * widest[name] / sum(widest.values())
            picture.box(name, about, x, y, width, height)
            edges = within.get(name, set())
            picture.parts(rows[name], edges, x + PADDING, y + HEAD, width - 2 * PADDING)
            x += width + GAP
        y += height + GAP
    arrows = Picture()
    arrows.places = picture.places
    for source, to in sorted(reduced(between)):
        arrows.arrow(source, to)
    picture.elements = arrows.elements + picture.elements
    return picture.svg()
