"use strict";
// Fetches the seconds that the page does not have yet from Locust, and draws them. It uses no library
// and sends no request to any other server.

const POLL_MS = 1000;
const REFETCH_S = 9; // points of the last seconds may still change, because workers' rows arrive late
const COLUMNS_MAX = 500;
const PAD = { left: 46, right: 8, top: 10, bottom: 20 };
const DRAG_MIN_PX = 6; // a shorter movement is a click
const LABELS_PX = 24; // two rows of fault names above the upper charts

const percentile = (lane, at) => (point) => point[lane][at];
const latency = (lane, color) => ({
  lane,
  log: true,
  labels: true,
  lines: [
    { name: "p50", color, width: 1.2, dash: "2 3", of: percentile(lane, 0), show: ms },
    { name: "p99", color, width: 2.2, of: percentile(lane, 1), show: ms },
    { name: "p99.9", color, width: 1.2, dash: "6 3", of: percentile(lane, 2), show: ms },
  ],
  tick: ms,
});
const perSecond = (name) => (point, before) =>
  before ? Math.max(0, (point[name] - before[name]) / (point.s - before.s)) : null;
const CHARTS = {
  "chart-ack": latency("ack", "--blue"),
  "chart-delivery": latency("delivery", "--green"),
  "chart-rate": {
    lane: "rate",
    lines: [
      { name: "sent", color: "--muted", width: 1.2, dash: "2 3", of: perSecond("sent"), show: count },
      { name: "acknowledged", color: "--blue", width: 2.2, of: perSecond("acked"), show: count },
      { name: "delivered", color: "--green", width: 1.6, dash: "6 3", of: perSecond("delivered"), show: count },
    ],
    tick: count,
  },
  "chart-state": {
    lines: [
      { name: "connections", color: "--purple", width: 2.2, of: (point) => point.connections, show: count },
      { name: "outstanding", color: "--vermilion", width: 1.6, of: (point) => point.outstanding, show: count },
      { name: "missing", color: "--bad", width: 1.2, dash: "6 3", of: (point) => point.missing, show: count },
    ],
    tick: count,
  },
};

// `zoom` is the part of the run that is shown; without it, the last `span_s` seconds, or all of it.
// `hover` is the second below the mouse, `drag` the part that the mouse is selecting.
const state = { run: "", points: new Map(), live: null, span_s: 0, zoom: null, hover: null, drag: null };
const byId = (id) => document.getElementById(id);

function ms(value) {
  if (value === null || value === undefined) return "–";
  const [amount, unit] = value >= 1000 ? [value / 1000, "s"] : [value, "ms"];
  return `${Number(amount.toPrecision(3))} ${unit}`;
}

function count(value) {
  return value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en");
}

function clockOf(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

function svgElement(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// Charts.

function lastSecond() {
  return Math.max(0, ...state.points.keys());
}

function visiblePart() {
  if (state.zoom) return state.zoom;
  const last = lastSecond();
  const from = state.span_s ? Math.max(0, last - state.span_s) : 0;
  return { from, to: Math.max(from + 10, last) };
}

// The points beside the visible part are drawn too, so that lines reach its edges.
function visiblePoints() {
  const { from, to } = visiblePart();
  const all = [...state.points.values()].sort((a, b) => a.s - b.s);
  const before = all.filter((point) => point.s < from).slice(-2); // two, because a rate needs the one before
  const after = all.filter((point) => point.s > to).slice(0, 1);
  const inside = all.filter((point) => point.s >= from && point.s <= to);
  return { from, to, points: [...before, ...inside, ...after] };
}

// If there are more points than columns, each column shows its highest value, so that no peak is hidden.
function series(line, points) {
  const values = points.map((point, at) => [point.s, line.of(point, points[at - 1])]);
  const group = Math.ceil(values.length / COLUMNS_MAX);
  if (group <= 1) return values;
  const merged = [];
  for (let at = 0; at < values.length; at += group) {
    const known = values.slice(at, at + group).filter(([, value]) => value !== null);
    merged.push([values[at][0], known.length ? Math.max(...known.map(([, value]) => value)) : null]);
  }
  return merged;
}

function scaleOf(chart, values) {
  const known = values.filter((value) => value !== null && (!chart.log || value > 0));
  if (chart.log) {
    const low = Math.floor(Math.log10(Math.min(1, ...known)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(10, ...known))));
    const ticks = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at));
    return { ticks, part: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low) };
  }
  const most = Math.max(4, ...known);
  const rough = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * rough).find((size) => most / size <= 5);
  const top = Math.ceil(most / step) * step;
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, at) => at * step);
  return { ticks, part: (value) => value / top };
}

function drawFaults(svg, chart, x, [top, bottom], to) {
  const rows = [-Infinity, -Infinity];
  for (const fault of state.live.faults) {
    if (fault.from === null || x(fault.from) > x(to)) continue;
    const end = fault.to === null ? to : fault.to;
    if (x(end) < PAD.left) continue;
    const left = Math.max(PAD.left, x(fault.from));
    const width = Math.max(2, x(Math.min(end, to)) - left);
    const band = svgElement("rect", { x: left, y: top, width, height: bottom - top, fill: "var(--band)", opacity: 0.16 });
    band.append(svgElement("title", {}, `${fault.id}: ${fault.what}, ${fault.step}`));
    svg.append(band, svgElement("line", { x1: left, x2: left, y1: top, y2: bottom, stroke: "var(--band)" }));
    if (chart.labels) drawName(svg, fault.id, left, x(to), top, rows);
  }
}

// A name goes into the first of two rows that has room for it; a third name at the same place is left out.
function drawName(svg, name, left, right, top, rows) {
  const width = 8 + 6.2 * name.length;
  const at = Math.min(left + 2, right - width);
  const row = rows.findIndex((taken) => taken <= at);
  if (row < 0) return;
  rows[row] = at + width;
  svg.append(svgElement("text", { x: at, y: top - 4 - 13 * row, class: "fault" }, name));
}

// Where a limit holds: in the window of its objective. That of `steady` leaves out the faults.
function limitParts(limit, to) {
  const acted = (fault) => [fault.from, fault.to === null ? to : fault.to];
  const faults = state.live.faults.filter((fault) => fault.from !== null);
  if (limit.fault) return faults.filter((fault) => fault.id === limit.fault).map(acted);
  let parts = [[limit.from, limit.to]];
  if (limit.window !== "steady") return parts;
  for (const [begun, ended] of faults.map(acted)) {
    parts = parts.flatMap(([a, b]) => [[a, Math.min(b, begun)], [Math.max(a, ended), b]]).filter(([a, b]) => a < b);
  }
  return parts;
}

function limitText(limit, chart) {
  return `${limit.name} ${limit.op} ${chart.tick(limit.value)}`;
}

// Equal limits of several faults are one line of text, where the first of them holds; a text that
// would cover another one is left out.
function drawLimits(svg, chart, limits, x, y, { from, to }) {
  const written = [];
  for (const limit of limits) {
    const parts = limitParts(limit, to).filter(([a, b]) => b > from && a < to);
    for (const [a, b] of parts) {
      const [x1, x2] = [x(Math.max(a, from)), x(Math.min(b, to))];
      svg.append(svgElement("line", { x1, x2, y1: y(limit.value), y2: y(limit.value), class: "limit" }));
    }
    if (!parts.length) continue;
    const above = y(limit.value) > 26 ? -4 : 12;
    const place = { x: x(Math.max(parts[0][0], from)) + 2, y: y(limit.value) + above, class: "limit" };
    const text = svgElement("text", place, limitText(limit, chart));
    svg.append(text);
    const box = text.getBBox();
    const covered = (other) => other.text === text.textContent || (box.x < other.box.x + other.box.width
      && other.box.x < box.x + box.width && box.y < other.box.y + other.box.height && other.box.y < box.y + box.height);
    if (written.some(covered)) text.remove();
    else written.push({ text: text.textContent, box });
  }
}

function drawLine(svg, line, values, x, y) {
  let path = "";
  let pen = "M";
  for (const [second, value] of values) {
    if (value === null) {
      pen = "M"; // nothing was measured, so the line has a gap
    } else {
      path += `${pen}${x(second).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
    }
  }
  const dash = line.dash ? { "stroke-dasharray": line.dash } : {};
  svg.append(svgElement("path", {
    d: path, fill: "none", stroke: `var(${line.color})`, "stroke-width": line.width,
    "stroke-linejoin": "round", "stroke-linecap": "round", ...dash,
  }));
}

function drawLegend(figure, chart, all) {
  const legend = document.createElement("span");
  legend.className = "legend";
  chart.lines.forEach((line, at) => {
    const shown = state.hover === null ? all[at] : all[at].filter(([second]) => second <= state.hover).slice(-1);
    const known = shown.filter(([, value]) => value !== null);
    const key = svgElement("svg", {});
    const dash = line.dash ? { "stroke-dasharray": line.dash } : {};
    key.append(svgElement("line", { x1: 0, x2: 22, y1: 4, y2: 4, stroke: `var(${line.color})`, "stroke-width": line.width, ...dash }));
    const entry = document.createElement("span");
    entry.append(key, `${line.name} `, Object.assign(document.createElement("b"), {
      textContent: line.show(known.length ? known[known.length - 1][1] : null),
    }));
    legend.append(entry);
  });
  if (state.hover !== null) legend.prepend(Object.assign(document.createElement("i"), { textContent: clockOf(state.hover) }));
  figure.querySelector(".legend")?.remove();
  figure.querySelector("figcaption").append(legend);
}

function drawChart(figure, chart) {
  const { from, to, points } = visiblePoints();
  figure.querySelector(":scope > svg")?.remove();
  const svg = svgElement("svg", { role: "img" });
  figure.append(svg);
  const { width, height } = svg.getBoundingClientRect();
  if (!width) return; // the tab is not shown
  const bottom = height - PAD.bottom;
  const top = PAD.top + (chart.labels ? LABELS_PX : 0);
  const x = (second) => PAD.left + ((second - from) / (to - from)) * (width - PAD.left - PAD.right);
  const all = chart.lines.map((line) => series(line, points));
  const limits = state.live.limits.filter((limit) => limit.chart === chart.lane);
  const scale = scaleOf(chart, [...all.flat().map(([, value]) => value), ...limits.map((limit) => limit.value)]);
  const y = (value) => bottom - scale.part(value) * (bottom - top);
  for (const tick of scale.ticks) {
    svg.append(svgElement("line", { x1: PAD.left, x2: width - PAD.right, y1: y(tick), y2: y(tick), stroke: "var(--grid)" }));
    svg.append(svgElement("text", { x: PAD.left - 6, y: y(tick) + 4, "text-anchor": "end" }, chart.tick(tick)));
  }
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600].find((size) => (to - from) / size <= 8) || 7200;
  for (let second = Math.ceil(from / step) * step; second <= to; second += step) {
    const anchor = x(second) > width - 20 ? "end" : "middle";
    svg.append(svgElement("text", { x: x(second), y: height - 4, "text-anchor": anchor }, clockOf(second)));
  }
  drawFaults(svg, chart, x, [top, bottom], to);
  const lines = svgElement("svg", { x: PAD.left, y: 0, width: width - PAD.left - PAD.right, height, viewBox: `${PAD.left} 0 ${width - PAD.left - PAD.right} ${height}` });
  svg.append(lines); // which cuts off what is beside the visible part
  chart.lines.forEach((line, at) => drawLine(lines, line, all[at], x, y));
  drawLimits(svg, chart, limits, x, y, { from, to });
  drawSelection(svg, x, [top, bottom]);
  drawLegend(figure, chart, all);
}

function drawSelection(svg, x, [top, bottom]) {
  if (state.drag) {
    const [left, right] = [state.drag.from, state.drag.to].map(x).sort((a, b) => a - b);
    svg.append(svgElement("path", { d: `M${left} ${top}H${right}V${bottom}H${left}Z`, class: "selection" }));
  } else if (state.hover !== null) {
    const at = x(state.hover);
    svg.append(svgElement("line", { x1: at, x2: at, y1: top, y2: bottom, class: "cursor" }));
  }
}

// Zoom: drag over any chart, and all charts show that part. Arrows move it, + and - change its size.

function secondAt(event, figure) {
  const box = figure.querySelector(":scope > svg").getBoundingClientRect();
  const { from, to } = visiblePart();
  const share = (event.clientX - box.left - PAD.left) / (box.width - PAD.left - PAD.right);
  return from + Math.min(1, Math.max(0, share)) * (to - from);
}

function zoomTo(from, to) {
  const least = Math.min(Math.max(0, from), Math.max(0, lastSecond() - 1));
  state.zoom = { from: least, to: Math.max(to, least + 1) };
  state.drag = state.hover = null;
  draw();
}

function follow(span_s) {
  state.zoom = state.drag = null;
  state.span_s = span_s;
  draw();
}

function zoomToFault(fault) {
  const end = fault.to === null ? lastSecond() : fault.to;
  const margin = Math.max(2, (end - fault.from) / 2);
  zoomTo(fault.from - margin, end + margin);
}

function endDrag(event, figure) {
  const { drag } = state;
  state.drag = null;
  if (!drag) return;
  const to = secondAt(event, figure);
  if (Math.abs(event.clientX - drag.x) >= DRAG_MIN_PX) zoomTo(Math.min(drag.from, to), Math.max(drag.from, to));
  else draw();
}

const KEYS = {
  ArrowLeft: ({ from, to }) => [from - (to - from) / 4, to - (to - from) / 4],
  ArrowRight: ({ from, to }) => [from + (to - from) / 4, to + (to - from) / 4],
  "+": ({ from, to }) => [from + (to - from) / 4, to - (to - from) / 4],
  "-": ({ from, to }) => [from - (to - from) / 2, to + (to - from) / 2],
};

function listen(figure) {
  figure.tabIndex = 0;
  figure.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.target.closest("figure > svg")) return;
    figure.setPointerCapture(event.pointerId);
    const second = secondAt(event, figure);
    state.drag = { from: second, to: second, x: event.clientX };
  });
  figure.addEventListener("pointermove", (event) => {
    if (!state.live || !figure.querySelector(":scope > svg")) return;
    const second = secondAt(event, figure);
    if (state.drag) state.drag.to = second;
    state.hover = state.drag ? null : Math.round(second);
    redrawSoon();
  });
  figure.addEventListener("pointerup", (event) => endDrag(event, figure));
  figure.addEventListener("pointercancel", () => { state.drag = null; });
  figure.addEventListener("pointerleave", () => { state.hover = null; redrawSoon(); });
  figure.addEventListener("dblclick", () => follow(0));
  figure.addEventListener("keydown", (event) => {
    if (event.key === "Escape") follow(0);
    else if (KEYS[event.key]) zoomTo(...KEYS[event.key](visiblePart()));
    else return;
    event.preventDefault();
  });
}

// Faults, by their names.

function faultText(fault) {
  if (fault.from === null) return `${fault.what} · waiting, ${fault.planned}`;
  const end = fault.to === null ? "now" : clockOf(fault.to);
  return `${fault.what} · ${fault.step}, ${clockOf(fault.from)}–${end}`;
}

function drawFaultList() {
  const list = byId("faults");
  list.hidden = !state.live.faults.length;
  const text = JSON.stringify(state.live.faults);
  if (list.dataset.shown === text) return; // an unchanged button keeps the focus
  list.dataset.shown = text;
  const focused = document.activeElement?.dataset?.fault;
  list.replaceChildren(...state.live.faults.map((fault) => {
    const button = Object.assign(document.createElement("button"), { type: "button", disabled: fault.from === null });
    button.dataset.fault = fault.id;
    button.title = fault.from === null ? "" : "Zoom to this fault";
    button.className = fault.from !== null && fault.to === null ? "acting" : "";
    button.append(Object.assign(document.createElement("b"), { textContent: fault.id }), ` ${faultText(fault)}`);
    button.addEventListener("click", () => zoomToFault(fault));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  if (focused) list.querySelector(`[data-fault="${CSS.escape(focused)}"]`)?.focus();
}

function drawSpans() {
  for (const button of document.querySelectorAll("#spans button")) {
    const span = Number(button.dataset.span);
    button.setAttribute("aria-pressed", String(!state.zoom && span === state.span_s));
  }
  const { zoom } = state;
  byId("zoomed").textContent = zoom ? `${clockOf(zoom.from)}–${clockOf(zoom.to)}` : "";
}

// Figures.

function tile(name, value, note, tone) {
  const box = byId(`tile-${name}`);
  const [number, unit] = String(value).split(" ");
  box.querySelector("dd").textContent = number;
  if (unit) box.querySelector("dd").append(Object.assign(document.createElement("small"), { textContent: unit }));
  if (note !== null) box.querySelector("p").textContent = note;
  box.removeAttribute("class");
  if (tone) box.className = tone;
}

function pill(id, text, tone) {
  const element = byId(id);
  element.hidden = !text;
  element.textContent = text || "";
  if (tone) element.className = `pill ${tone}`;
}

function drawFigures() {
  const live = state.live;
  const points = [...state.points.values()].sort((a, b) => a.s - b.s);
  const now = points[points.length - 1];
  const before = points[points.length - 2];
  const acting = live.faults.filter((fault) => fault.from !== null && fault.to === null).map((fault) => fault.id);
  byId("scenario").textContent = live.scenario;
  const [reporting, workers] = live.workers;
  const parts = [live.stack, `seed ${live.seed}`];
  // The audit and the time before it come after the load.
  if (now) parts.push(now.s > live.duration_s ? clockOf(now.s) : `${clockOf(now.s)} of ${clockOf(live.duration_s)}`);
  if (workers > 1) parts.push(`${reporting} of ${workers} workers report`);
  byId("about").textContent = parts.join(" · ");
  pill("phase", live.phase);
  pill("acting", acting.length ? `fault: ${acting.join(", ")}` : "");
  pill("verdict", live.verdict ? `verdict: ${live.verdict}` : "", live.verdict || "");
  byId("report").hidden = !live.report;
  if (!now) return;
  const late = now.lag > live.lag_budget_ms;
  pill("late", late ? `generator ${ms(now.lag)} late: it may cause high latencies itself` : "");
  const rate = (name) => count(perSecond(name)(now, before));
  tile("connections", count(now.connections), `of ${count(now.users)} users`, now.connections < now.users ? "doubt" : "");
  const missed = now.missed ? `, ${count(now.missed)} missed` : "";
  tile("rate", rate("acked"), `${rate("sent")} sent${missed}`, missed && "doubt");
  tile("ack", ms(now.ack[1]), `p50 ${ms(now.ack[0])}`);
  tile("delivery", ms(now.delivery[1]), `p50 ${ms(now.delivery[0])}`);
  tile("outstanding", count(now.outstanding), null);
  tile("missing", count(now.missing), null);
  tile("lost", count(now.lost), live.audited ? "by the audit" : "not audited yet", now.lost ? "bad" : "");
}

function draw() {
  if (!state.live) return;
  drawFigures();
  drawFaultList();
  drawSpans();
  for (const [id, chart] of Object.entries(CHARTS)) drawChart(byId(id), chart);
}

let drawing = 0;
function redrawSoon() {
  if (!drawing) drawing = requestAnimationFrame(() => { drawing = 0; draw(); });
}

// Data.

function receive(live) {
  if (!live.run) return;
  if (live.run !== state.run) {
    state.run = live.run;
    state.points.clear();
    state.zoom = state.hover = state.drag = null;
  }
  for (const point of live.points) state.points.set(point.s, point);
  state.live = live;
}

async function poll() {
  const since = Math.max(0, ...state.points.keys()) - REFETCH_S;
  try {
    const query = new URLSearchParams({ run: state.run, since: Math.max(0, since) });
    const response = await fetch(`live.json?${query}`, { cache: "no-store" });
    if (!response.ok) throw new Error(response.statusText);
    receive(await response.json());
    byId("stale").hidden = true;
  } catch {
    byId("stale").hidden = false;
  }
  draw();
  setTimeout(poll, POLL_MS);
}

for (const button of document.querySelectorAll("#spans button")) {
  button.addEventListener("click", () => follow(Number(button.dataset.span)));
}
for (const id of Object.keys(CHARTS)) listen(byId(id));
addEventListener("resize", draw);
poll();
