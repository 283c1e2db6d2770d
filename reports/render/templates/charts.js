// Draws the charts of the page again, so that they can be zoomed and filtered. Without this script
// the page is complete: the pictures stay, and so do all cards and all evidence.
(() => {
  "use strict";
  const source = document.getElementById("chart-data");
  if (!source || typeof uPlot === "undefined") return;
  const data = JSON.parse(source.textContent);
  const plots = [];
  const MARKER = 5; // half the width and half the height of the triangle at a violation
  const NAME_FONT = "px system-ui, sans-serif";
  const NAME_PX = 11;
  const NAME_ROW_PX = 14;
  const NAME_ROWS_MAX = 4;
  const first = data.x[0];
  const last = data.x[data.x.length - 1];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const seconds = (value) => `${Number(value.toFixed(1)).toLocaleString("en")} s`;
  const ms = (value) =>
    value >= 1000 ? `${+(value / 1000).toPrecision(3)} s` : `${+value.toPrecision(3)} ms`;
  const plain = (value) => (+value.toPrecision(4)).toLocaleString("en");
  // A message that never arrived has no place on the axis, but the legend says so.
  const drawn = (value) => (typeof value === "number" ? value : null);

  // Places each name where its fault begins, in the first row in which it covers no other name; a
  // name that would reach beyond the right end is moved to the left. Names without a place are left
  // out: the cards of the faults have them all.
  function placed(faults, measure, left, right) {
    const ends = [];
    const found = [];
    for (const fault of faults) {
      const width = measure(fault.id);
      const x = Math.max(left, Math.min(fault.x, right - width));
      let row = ends.findIndex((end) => end + 6 <= x);
      if (row < 0) row = ends.length;
      if (row === NAME_ROWS_MAX) continue;
      ends[row] = x + width;
      found.push({ id: fault.id, x, row });
    }
    return found;
  }

  // How many rows of names the first chart of a figure needs while it shows the whole run.
  function nameRows(width) {
    const ctx = document.createElement("canvas").getContext("2d");
    ctx.font = NAME_PX + NAME_FONT;
    const scale = (width - 80) / (last - first || 1);
    const faults = (data.faults || []).map((each) => ({ id: each.id, x: (each.from - first) * scale }));
    const names = placed(faults, (text) => ctx.measureText(text).width, 0, width - 80);
    return 1 + Math.max(-1, ...names.map((name) => name.row));
  }

  // Faults are bands below the lines, with their names above the first chart of a figure.
  function shade(plot, named) {
    const { ctx, bbox } = plot;
    const right = bbox.left + bbox.width;
    const shown = [];
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colour("--band");
    for (const fault of data.faults || []) {
      const from = plot.valToPos(fault.from, "x", true);
      const to = Math.max(from + 2, plot.valToPos(fault.to ?? last, "x", true));
      ctx.globalAlpha = 0.13;
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
      ctx.globalAlpha = 1;
      ctx.fillRect(from, bbox.top, 1, bbox.height);
      if (to >= bbox.left && from <= right) shown.push({ id: fault.id, x: from });
    }
    ctx.restore();
    if (!named) return;
    ctx.save();
    ctx.fillStyle = colour("--band");
    ctx.font = NAME_PX * devicePixelRatio + NAME_FONT;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    for (const name of placed(shown, (text) => ctx.measureText(text).width, bbox.left, right)) {
      ctx.fillText(name.id, name.x, bbox.top - (4 + NAME_ROW_PX * name.row) * devicePixelRatio);
    }
    ctx.restore();
  }

  // Limits and violations are drawn above the lines.
  function mark(chart, plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.setLineDash([7, 4]);
    const written = new Set();
    for (const limit of chart.limits) {
      ctx.strokeStyle = ctx.fillStyle = colour(limit.violated ? "--vermilion" : "--ink");
      const y = plot.valToPos(limit.value, "y", true);
      for (const [from, to] of limit.spans) {
        ctx.beginPath();
        ctx.moveTo(plot.valToPos(from, "x", true), y);
        ctx.lineTo(plot.valToPos(to, "x", true), y);
        ctx.stroke();
        const x = Math.max(bbox.left, plot.valToPos(from, "x", true));
        if (to >= plot.scales.x.min && from <= plot.scales.x.max && !written.has(limit.text)) {
          written.add(limit.text);
          ctx.fillText(limit.text, x + 2, y + (y < bbox.top + 16 * devicePixelRatio ? 12 : -4) * devicePixelRatio);
        }
      }
    }
    ctx.setLineDash([]);
    ctx.fillStyle = colour("--vermilion");
    for (const second of data.violations || []) {
      const x = plot.valToPos(second, "x", true);
      const size = MARKER * devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(x - size, bbox.top);
      ctx.lineTo(x + size, bbox.top);
      ctx.lineTo(x, bbox.top + 2 * size);
      ctx.fill();
    }
    ctx.restore();
  }

  // The axis reaches to the limits that hold in the part of the run that is shown.
  function range(chart, plot, least, most) {
    const { min, max } = plot.scales.x;
    const shown = chart.limits.filter((limit) => limit.spans.some(([from, to]) => to >= min && from <= max));
    const values = [least, most, ...shown.map((limit) => limit.value)].filter((value) => value > 0);
    if (chart.unit !== "ms") return [0, 1.05 * Math.max(...values, 0) || 1];
    return values.length ? uPlot.rangeLog(Math.min(...values), Math.max(...values), 10, false) : [1, 10];
  }

  function options(chart, width, format, named) {
    const axis = () => colour("--muted");
    const decades = (_, ticks) => ticks.map((tick) => (Math.log10(tick) % 1 === 0 ? tick : null));
    const grid = { stroke: () => colour("--grid"), width: 1, ...(chart.unit === "ms" && { filter: decades }) };
    const ticks = { show: false };
    return {
      width,
      height: (chart.height || 210) + (named ? NAME_ROW_PX * nameRows(width) : 0),
      title: chart.title,
      padding: [named ? 6 + NAME_ROW_PX * nameRows(width) : null, null, null, null],
      cursor: { sync: { key: "page", setSeries: false }, drag: { x: true, y: false } },
      scales: {
        x: { time: false },
        y: { distr: chart.unit === "ms" ? 3 : 1, log: 10, range: (...found) => range(chart, ...found) },
      },
      axes: [
        { stroke: axis, grid: { show: false }, ticks, size: 26, values: (_, shown) => shown.map((tick) => `${plain(tick)} s`) },
        { stroke: axis, grid, ticks, size: 70, values: (_, shown) => shown.map((tick) => (tick === null ? "" : format(tick))) },
      ],
      series: [
        { label: "time", value: (_, value) => (value === null ? "–" : seconds(value)) },
        ...chart.lines.map((line) => ({
          label: line.name,
          stroke: () => colour(line.colour),
          width: line.dash === null ? 0 : 1.6,
          dash: line.dash || [],
          paths: line.dash === null ? () => null : undefined,
          points: line.dash === null ? { show: true, size: 4, fill: () => colour(line.colour) } : { show: false },
          spanGaps: false,
          value: (_, value, __, at) => {
            if (at === null) return "–";
            return line.values[at] === "inf" ? "never" : value === null ? "–" : format(value);
          },
        })),
      ],
      hooks: {
        drawClear: [(plot) => shade(plot, named)],
        draw: [(plot) => mark(chart, plot)],
        setCursor: [(plot) => plot.root.classList.toggle("pointed", typeof plot.cursor.idx === "number")],
        setScale: [(plot, key) => key === "x" && follow(plot)],
      },
    };
  }

  // What is zoomed in one chart is zoomed in all.
  let following = false;
  function follow(plot) {
    if (following) return;
    const { min, max } = plot.scales.x;
    following = true;
    for (const other of plots) {
      if (other !== plot) other.setScale("x", { min, max });
    }
    following = false;
  }

  function zoom(min, max) {
    for (const plot of plots) plot.setScale("x", { min, max });
  }

  function draw(chart) {
    const figure = document.getElementById(chart.figure);
    if (!figure) return;
    const named = !figure.classList.contains("interactive");
    const place = document.createElement("div");
    place.className = "live";
    figure.append(place);
    figure.classList.add("interactive");
    const format = chart.unit === "ms" ? ms : plain;
    const positive = (value) => (chart.unit === "ms" && value !== null ? Math.max(value, 0.01) : value);
    const columns = chart.lines.map((line) => line.values.map((value) => positive(drawn(value))));
    const plot = new uPlot(options(chart, figure.clientWidth, format, named), [data.x, ...columns], place);
    plots.push(plot);
    new ResizeObserver(() => {
      if (figure.clientWidth > 0 && figure.clientWidth !== plot.width) {
        plot.setSize({ width: figure.clientWidth, height: plot.height });
      }
    }).observe(figure);
  }

  // One fault, or all: zooms the charts, and leaves out the cards and violations of other faults.
  function filter(id) {
    const fault = (data.faults || []).find((each) => each.id === id);
    for (const element of document.querySelectorAll("[data-fault]")) {
      element.hidden = Boolean(fault) && element.dataset.fault !== id;
    }
    for (const element of document.querySelectorAll("[data-faults]")) {
      element.hidden = Boolean(fault) && !element.dataset.faults.split(" ").includes(id);
    }
    if (!fault) return zoom(first, last);
    const end = fault.until ?? fault.to ?? last;
    const margin = Math.max(2, (end - fault.from) / 2);
    zoom(Math.max(first, fault.from - margin), Math.min(last, end + margin));
  }

  function controls() {
    const figure = document.getElementById(data.charts[0].figure);
    const bar = document.createElement("p");
    bar.className = "controls";
    if ((data.faults || []).length) {
      const label = document.createElement("label");
      const select = document.createElement("select");
      select.id = "fault-filter";
      for (const [value, text] of [["", "all faults"], ...data.faults.map((each) => [each.id, each.id])]) {
        select.append(new Option(text, value));
      }
      select.addEventListener("change", () => filter(select.value));
      label.append("Show ", select);
      bar.append(label);
    }
    const whole = document.createElement("button");
    whole.type = "button";
    whole.textContent = "Whole run";
    whole.addEventListener("click", () => {
      const select = document.getElementById("fault-filter");
      if (select) select.value = "";
      filter("");
    });
    bar.append(whole, " Point at a chart to read its values, drag over it to zoom, and click a name below it to hide its line.");
    figure.before(bar);
  }

  controls();
  data.charts.forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach((plot) => plot.redraw()));
})();
