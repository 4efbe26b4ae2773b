// Nodes as lanes over time, with the pods that held their GPUs, or ran where there are none.
const M = D.machines, P = D.pods;
const podsOf = Array.from({ length: M.t0.length }, () => []);
P.m.forEach((m, i) => { if (m >= 0) podsOf[m].push(i); });
const until = (t) => (t < 0 ? END : t);

/** Machines of a group that never lived at once share a lane. */
function packLanes() {
  const groups = D.groups.map((name, i) => ({ name: name || "nodes without a group", gpu: false, lanes: [], free: [], i }));
  M.t0.map((_, i) => i).sort((a, b) => M.t0[a] - M.t0[b] || a - b).forEach((m) => {
    const group = groups[M.group[m]];
    group.gpu = group.gpu || M.gpus[m] > 0;
    let lane = group.free.findIndex((end) => end <= M.t0[m]);
    if (lane < 0) { lane = group.lanes.length; group.lanes.push([]); group.free.push(0); }
    group.lanes[lane].push(m);
    group.free[lane] = until(M.t1[m]);
  });
  return groups.filter((g) => g.lanes.length).sort((a, b) => Number(b.gpu) - Number(a.gpu) || (a.name < b.name ? -1 : 1));
}
const groups = packLanes();
const laneCount = groups.reduce((n, g) => n + g.lanes.length, 0);

/** Rows of a machine: its GPUs, or the slices that they are offered as; without GPUs the pods that it had at once. */
function slotsOf(m) {
  if (M.gpus[m] === 0) return placedOf(m).reduce((n, { rows: [row] }) => Math.max(n, row + 1), 0);
  const offered = Object.values(M.offers[m] || {});
  return Math.max(M.gpus[m], offered.length ? Math.max(...offered) : 0);
}
/** Gives every pod of a machine rows: those of its devices, else the first that are free. */
function placePods(m) {
  const rows = slotsOf(m), free = new Array(Math.max(rows, 1)).fill(-Infinity), named = new Map();
  const held = podsOf[m].filter((p) => P.gpus[p] > 0).sort((a, b) => P.sched[a] - P.sched[b] || a - b);
  return held.map((p) => {
    const start = P.sched[p] < 0 ? P.run[p] : P.sched[p];
    const mine = [];
    for (const device of P.devices[p] || []) {
      if (!named.has(device) && named.size < free.length) {
        let row = free.findIndex((end, r) => end <= start && ![...named.values()].includes(r));
        if (row < 0) row = named.size;
        named.set(device, row);
      }
      if (named.has(device)) mine.push(named.get(device));
    }
    for (let row = 0; row < free.length && mine.length < P.gpus[p]; ++row)
      if (free[row] <= start && !mine.includes(row) && !P.devices[p]) mine.push(row);
    for (const row of mine) free[row] = until(P.end[p]);
    return { p, rows: mine.length ? mine : [0], start };
  });
}
/** Pods of a machine without GPUs, each in the first row that is free. */
function stackPods(m) {
  const free = [], start = (p) => (P.sched[p] < 0 ? P.run[p] : P.sched[p]);
  return podsOf[m].filter((p) => start(p) >= 0).sort((a, b) => start(a) - start(b) || a - b).map((p) => {
    let row = free.findIndex((end) => end <= start(p));
    if (row < 0) row = free.length;
    free[row] = until(P.end[p]);
    return { p, rows: [row], start: start(p) };
  });
}
const placed = new Map();
function placedOf(m) {
  if (!placed.has(m)) placed.set(m, M.gpus[m] > 0 ? placePods(m) : stackPods(m));
  return placed.get(m);
}

let size = laneCount > 400 ? 0 : laneCount > 60 ? 1 : 2;
function laneHeight(lane) {
  if (size === 0) return Math.max(2, Math.min(10, Math.floor(2600 / laneCount)));
  if (size === 1) return 16;
  return Math.min(70, Math.max(30, 10 + lane.reduce((n, m) => Math.max(n, slotsOf(m)), 0) * 6));
}
let rows = [], total = 0;
function layoutLanes() {
  rows = [];
  total = 0;
  for (const group of groups) {
    rows.push({ y: total, h: 24, group });
    total += 24;
    for (const lane of group.lanes) {
      const h = laneHeight(lane);
      rows.push({ y: total, h, lane });
      total += h + (size === 0 ? 0 : 3);
    }
    total += 6;
  }
  $("lanes").style.height = lanesView() + "px";
  $("lanes-space").style.height = Math.max(0, total - lanesView()) + "px";
  document.querySelectorAll("#heights button").forEach((b) => b.classList.toggle("on", Number(b.dataset.height) === size));
}
const lanesView = () => Math.min(total, Math.round(innerHeight * 0.74));
const lanesScroll = () => total > lanesView() + 1;

let hatch = null;
function hatched(g) {
  if (hatch) return hatch;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const t = tile.getContext("2d");
  t.strokeStyle = C.boot;
  t.lineWidth = 1.6;
  t.beginPath();
  for (const d of [-8, 0, 8]) { t.moveTo(d, 8); t.lineTo(d + 8, 0); }
  t.stroke();
  return (hatch = g.createPattern(tile, "repeat"));
}
const clampX = (frame, t) => Math.min(frame.width + 2, Math.max(frame.left - 2, frame.x(t)));

function drawMachine(g, frame, m, y, h) {
  const x0 = clampX(frame, M.t0[m]), x1 = Math.max(clampX(frame, until(M.t1[m])), x0 + 1);
  if (x1 < frame.left || x0 > frame.width) return;
  const ready = M.ready[m] < 0 ? x1 : clampX(frame, M.ready[m]);
  const small = h < 8, box = (a, b, colour) => { g.fillStyle = colour; g.fillRect(a, y, Math.max(b - a, 0.7), h); };
  box(x0, x1, M.gpus[m] > 0 ? C.node : C.raised);
  if (ready > x0 && !small) { g.fillStyle = hatched(g); g.fillRect(x0, y, ready - x0, h); }
  else if (small) box(x0, ready, C.bought);
  if (M.gpus[m] > 0 && !small && M.ready[m] >= 0) drawSlots(g, m, ready, x1, y, h);
  drawPods(g, frame, m, y, h);
  if (M.notice[m] >= 0) {
    g.globalAlpha = 0.45;
    box(clampX(frame, M.notice[m]), x1, C.bad);
    g.globalAlpha = 1;
  }
  if (M.t1[m] >= 0 && M.lost[m]) box(x1 - 2, x1, C.bad);
  if (!small && placedOf(m).length === 0) label(g, frame, m, x0, x1, y, h);
}
/** Every GPU or slice that could be held, so that idle ones are seen. */
function drawSlots(g, m, x0, x1, y, h) {
  const slots = Math.max(slotsOf(m), 1), each = (h - 4) / slots;
  if (each < 2.5) return;
  g.fillStyle = C.bought;
  g.globalAlpha = 0.45;
  for (let row = 0; row < slots; ++row) g.fillRect(x0, y + 2 + row * each, Math.max(x1 - x0, 0.7), each - (each >= 5 ? 1 : 0.6));
  g.globalAlpha = 1;
}
function drawPods(g, frame, m, y, h) {
  const slots = Math.max(slotsOf(m), 1), inner = h - (h < 8 ? 0 : 4), each = inner / slots;
  const gap = each >= 5 ? 1 : 0;
  for (const { p, rows: mine, start } of placedOf(m)) {
    const a = clampX(frame, start), run = P.run[p] < 0 ? until(P.end[p]) : P.run[p];
    const b = clampX(frame, until(P.end[p])), from = clampX(frame, run);
    if (b < frame.left || a > frame.width) continue;
    const colour = hue(P.owner[p]);
    for (const row of mine) {
      const top = y + (h < 8 ? 0 : 2) + row * each, tall = Math.max(each - gap, 0.8);
      g.fillStyle = colour;
      if (from > a) { g.globalAlpha = 0.35; g.fillRect(a, top, from - a, tall); g.globalAlpha = 1; }
      const wide = Math.max(b - from - (b - from > 4 ? 1 : 0), 0.7);
      if (P.run[p] >= 0) {
        g.fillRect(from, top, wide, tall);
        if (P.outcome[p] >= 2 && P.outcome[p] <= 4 && wide > 2) { g.fillStyle = C.bad; g.fillRect(b - 3, top, 2, tall); }
      }
    }
  }
}
function label(g, frame, m, x0, x1, y, h) {
  const left = Math.max(x0, frame.left) + 6, room = Math.min(x1, frame.width) - left - 4;
  if (room < 40 || h < 14) return;
  const text = M.gpus[m] > 0 ? "nobody was given its " + (M.gpus[m] > 1 ? "GPUs" : "GPU") : (M.node[m] || M.id[m]).split(".")[0];
  let shown = text;
  while (shown.length > 4 && g.measureText(shown).width > room) shown = shown.slice(0, -2);
  if (shown.length < 5) return;
  if (shown !== text) shown = shown.slice(0, -1) + "…";
  g.textAlign = "left";
  g.lineWidth = 3;
  g.lineJoin = "round";
  g.strokeStyle = C.node;
  g.globalAlpha = 0.82;
  g.strokeText(shown, left, y + Math.min(h / 2 + 4, 15));
  g.globalAlpha = 1;
  g.fillStyle = C.text;
  g.fillText(shown, left, y + Math.min(h / 2 + 4, 15));
}
function drawLanes() {
  $("lanes-canvas").gutter = document.querySelector(".track .name").offsetWidth;  // as wide as the charts' names
  const shell = $("lanes"), height = lanesView(), frame = begin($("lanes-canvas"), height), { g } = frame;
  const top = shell.scrollTop;
  moments(g, frame);
  g.save();
  g.beginPath();
  g.rect(frame.left, 0, frame.width - frame.left, height);
  g.clip();
  let first = 0;
  while (first < rows.length && rows[first].y + rows[first].h < top) ++first;
  let end = first;
  for (; end < rows.length && rows[end].y < top + height; ++end)
    if (rows[end].lane) for (const m of rows[end].lane) drawMachine(g, frame, m, rows[end].y - top, rows[end].h);
  crosshair(g, frame);
  g.restore();
  g.fillStyle = C.panel;
  g.fillRect(0, 0, frame.left, height);
  for (let i = first; i < end; ++i) (rows[i].group ? drawGroup : drawName)(g, frame, rows[i], rows[i].y - top);
  g.strokeStyle = C.line;
  g.beginPath(); g.moveTo(frame.left - 0.5, 0); g.lineTo(frame.left - 0.5, height); g.stroke();
}
function fitted(g, text, room) {
  if (g.measureText(text).width <= room) return text;
  while (text.length > 1 && g.measureText(text + "…").width > room) text = text.slice(0, -1);
  return text + "…";
}
function drawGroup(g, frame, row, y) {
  const { group } = row, used = group.lanes.reduce((n, lane) => n + lane.length, 0);
  g.fillStyle = C.panel;
  g.fillRect(0, y, frame.width, 23);
  g.textAlign = "left";
  g.font = "600 12px ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif";
  g.fillStyle = C.text;
  g.fillText(group.name, 16, y + 16);
  const at = 16 + g.measureText(group.name).width + 10;
  g.font = "11px ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif";
  g.fillStyle = C.dim;
  g.fillText(`${plural(used, "machine")}${used > group.lanes.length ? `, ${count(group.lanes.length)} at once` : ""}`, at, y + 16);
}
/** A lane's types, in the gutter. */
function drawName(g, frame, row, y) {
  if (row.h < 12) return;
  const types = [...new Set(row.lane.map((m) => D.pools[M.pool[m]].type))];
  g.textAlign = "left";
  g.fillStyle = C.dim;
  g.fillText(fitted(g, types.join(", "), frame.left - 24), 16, y + (row.h < 26 ? row.h / 2 + 4 : 13));
  if (row.h < 26) return;
  const only = row.lane.length === 1 ? row.lane[0] : -1;
  const slots = only < 0 ? plural(row.lane.length, "machine") : (M.node[only] || M.id[only]).split(".")[0];
  g.globalAlpha = 0.7;
  g.fillText(fitted(g, slots, frame.left - 24), 16, y + 29);
  g.globalAlpha = 1;
}

function machineTip(m) {
  const pool = D.pools[M.pool[m]], offers = Object.entries(M.offers[m] || {}).map(([k, v]) => `${v} ${k}`).join(", ");
  return `<h3>${esc(M.node[m] || M.id[m])}</h3>` + facts([
    ["type", `${pool.type}, ${pool.market} in ${pool.zone}`],
    ["GPUs", M.gpus[m] ? count(M.gpus[m]) : ""],
    ["offers", offers],
    ["price", money(M.usd[m]) + " an hour"],
    ["launched", clock(M.t0[m])],
    ["ready", M.ready[m] < 0 ? "never" : `${clock(M.ready[m])}, ${span(M.ready[m] - M.t0[m])} later`],
    M.notice[m] >= 0 && ["notice", clock(M.notice[m])],
    ["ended", M.t1[m] < 0 ? "still runs" : `${clock(M.t1[m])} (${D.reasons[M.why[m]]})`],
    M.t1[m] >= 0 && ["cost", `${money(M.cost[m])} for ${span(M.t1[m] - M.t0[m])}`],
  ]);
}
const OUTCOMES = ["", "succeeded", "failed", "evicted", "preempted", "deleted"];
function podTip(p) {
  const devices = P.devices[p] ? P.devices[p].map((d) => D.devices[d]).join(", ") : "";
  return `<h3>${esc(P.name[p])}</h3>` + facts([
    ["of", D.owners[P.owner[p]]],
    ["asks for", P.gpus[p] ? `${P.gpus[p]} ${D.resources[P.resource[p]]}` : ""],
    ["devices", devices],
    ["created", clock(P.created[p])],
    ["runs", P.run[p] < 0 ? "never" : `${clock(P.run[p])}, after ${span(P.run[p] - P.created[p])}`],
    ["ended", P.end[p] < 0 ? "still there" : `${clock(P.end[p])} (${OUTCOMES[P.outcome[p]]})${P.run[p] >= 0 ? `, after ${span(P.end[p] - P.run[p])}` : ""}`],
  ]);
}
function hoverLanes(event, t) {
  const y = event.offsetY + $("lanes").scrollTop;
  const row = rows.find((r) => r.lane && y >= r.y && y < r.y + r.h);
  const m = row ? row.lane.find((i) => t >= M.t0[i] && t <= until(M.t1[i])) : undefined;
  if (m === undefined) return hideTip();
  const slots = Math.max(slotsOf(m), 1), slot = Math.floor(((y - row.y - 2) / (row.h - 4)) * slots);
  const hit = placedOf(m).find(({ p, rows: mine, start }) => t >= start && t <= until(P.end[p]) && (mine.includes(slot) || row.h < 8));
  showTip(event, (hit ? podTip(hit.p) + "<hr>" : "") + machineTip(m));
}
function buildLanes() {
  navigable($("lanes-canvas"), hoverLanes);
  $("lanes").addEventListener("scroll", redraw);
  document.querySelectorAll("#heights button").forEach((b) => b.addEventListener("click", () => { size = Number(b.dataset.height); layoutLanes(); redraw(); }));
  const launched = M.t0.length;
  $("lanes-note").textContent = launched ? `${plural(launched, "machine")}; those that never met share a lane` : "no machine was launched";
  redraws.push(drawLanes);
}
