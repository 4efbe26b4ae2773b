// The data, the part of the run that is in view, and how times and money are written.
const D = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const END = Math.max(D.end, 1);
const view = { a: 0, b: END };
const cursor = { t: null };

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let C = {};
function readColours() {
  for (const name of ["bg", "panel", "raised", "line", "text", "dim", "accent", "wait", "bad", "money", "held", "bought", "boot", "node", "hatch"])
    C[name] = css("--" + name);
}

const two = (n) => String(n).padStart(2, "0");
/** 0:05:00, from a day on 2d 03:05:00. */
function clock(t) {
  t = Math.max(0, Math.floor(t));
  const d = Math.floor(t / 86400), h = Math.floor(t / 3600) % 24, m = Math.floor(t / 60) % 60, s = t % 60;
  return d ? `${d}d ${two(h)}:${two(m)}:${two(s)}` : `${h}:${two(m)}:${two(s)}`;
}
/** 45s, 2m10s, 1h12m, 3d4h. */
function span(s) {
  if (s < 10 && s % 1 > 0.05) return s.toFixed(1) + "s";
  s = Math.round(s);
  const pair = (a, u, b, v) => a + u + (b ? b + v : "");
  if (s < 60) return s + "s";
  if (s < 3600) return pair(Math.floor(s / 60), "m", s % 60, "s");
  if (s < 86400) return pair(Math.floor(s / 3600), "h", Math.floor(s / 60) % 60, "m");
  if (s >= 8640000) return count(Math.floor(s / 86400)) + "d";
  return pair(Math.floor(s / 86400), "d", Math.floor(s / 3600) % 24, "h");
}
const count = (n) => Math.round(n).toLocaleString("en-US");
function money(usd) {
  if (usd === 0) return "$0";
  if (Math.abs(usd) < 0.01) return "$" + usd.toFixed(4);
  return "$" + usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
const short = (n) => (n >= 1e4 ? (n / 1e3).toFixed(n >= 1e5 ? 0 : 1) + "k" : n % 1 ? n.toFixed(n < 10 ? 2 : 1) : count(n));
const percent = (part, whole) => (whole > 0 ? Math.round((100 * part) / whole) + " %" : "0 %");
const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many || one + "s"}`;
const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const esc = (text) => String(text).replace(/[&<>"]/g, (c) => escapes[c]);

const STEPS = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000];
/** Round moments in view, about one for each 110 pixels. */
function ticks(width) {
  const want = ((view.b - view.a) * 110) / Math.max(width, 1);
  const step = STEPS.find((s) => s >= want) || STEPS[STEPS.length - 1];
  const list = [];
  for (let t = Math.ceil(view.a / step) * step; t <= view.b; t += step) list.push(t);
  return { step, list };
}
function tickText(t, step) {
  const d = Math.floor(t / 86400), h = Math.floor(t / 3600) % 24, m = Math.floor(t / 60) % 60;
  if (step >= 86400) return d + "d";
  if (step < 60) return clock(t);
  return (END >= 86400 ? d + "d " : "") + `${h}:${two(m)}`;
}

/** Index of the last of the sorted `list` that is not after t; -1 before the first. */
function lastAt(list, t) {
  let low = 0, high = list.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (list[mid] <= t) low = mid + 1; else high = mid;
  }
  return low - 1;
}

/** A canvas at the screen's resolution, cleared: its context, and its size in CSS pixels. */
function begin(canvas, height) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = height + "px";
  }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = "11px ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif";
  const left = canvas.gutter || 0;
  return { g, left, width, height, x: (t) => left + ((t - view.a) / (view.b - view.a)) * (width - left) };
}

const redraws = [];
let queued = false;
function redraw() {
  if (queued) return;
  queued = true;
  requestAnimationFrame(() => { queued = false; for (const f of redraws) f(); });
}
function setView(a, b) {
  const least = Math.min(END, 10);
  let length = Math.min(Math.max(b - a, least), END);
  a = Math.min(Math.max(0, a), END - length);
  view.a = a;
  view.b = a + length;
  redraw();
}
function zoom(factor, at) {
  const t = at === undefined ? (view.a + view.b) / 2 : at;
  setView(t - (t - view.a) * factor, t + (view.b - t) * factor);
}
function moments(g, frame) {
  const { x, width, height } = frame, { list } = ticks(width - frame.left);
  g.strokeStyle = C.line;
  g.lineWidth = 1;
  g.beginPath();
  for (const t of list) { const at = Math.round(x(t)) + 0.5; g.moveTo(at, 0); g.lineTo(at, height); }
  g.stroke();
}
function crosshair(g, frame) {
  if (cursor.t === null || cursor.t < view.a || cursor.t > view.b) return;
  const at = Math.round(frame.x(cursor.t)) + 0.5;
  g.strokeStyle = C.dim;
  g.setLineDash([3, 3]);
  g.beginPath(); g.moveTo(at, 0); g.lineTo(at, frame.height); g.stroke();
  g.setLineDash([]);
}

/** Wheel zooms at the pointer, dragging moves, a double click shows everything. */
function navigable(canvas, hover, leave) {
  const left = () => canvas.gutter || 0, room = () => Math.max(1, canvas.clientWidth - left());
  const timeAt = (event) => view.a + (Math.max(0, event.offsetX - left()) / room()) * (view.b - view.a);
  let drag = null;
  canvas.addEventListener("wheel", (event) => {
    if (event.shiftKey || (canvas.id === "lanes-canvas" && !event.ctrlKey && !event.altKey && lanesScroll())) return;
    event.preventDefault();
    zoom(Math.exp(Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 120) * 0.0025), timeAt(event));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, a: view.a, b: view.b };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag && event.buttons) {
      const by = ((drag.x - event.clientX) / room()) * (drag.b - drag.a);
      if (Math.abs(drag.x - event.clientX) > 2) canvas.classList.add("dragging");
      setView(drag.a + by, drag.b + by);
    }
    cursor.t = timeAt(event);
    hover(event, cursor.t);
    redraw();
  });
  const stop = () => { drag = null; canvas.classList.remove("dragging"); };
  canvas.addEventListener("pointerup", stop);
  canvas.addEventListener("pointercancel", stop);
  canvas.addEventListener("pointerleave", () => { cursor.t = null; hideTip(); if (leave) leave(); redraw(); });
  canvas.addEventListener("dblclick", () => setView(0, END));
}

function showTip(event, html) {
  const tip = $("tip");
  tip.innerHTML = html;
  tip.classList.add("on");
  const w = tip.offsetWidth, h = tip.offsetHeight, gap = 16;
  const x = event.clientX + gap + w > innerWidth ? event.clientX - gap - w : event.clientX + gap;
  const y = Math.min(event.clientY + gap, innerHeight - h - 8);
  tip.style.left = Math.max(8, x) + "px";
  tip.style.top = Math.max(8, y) + "px";
}
function hideTip() { $("tip").classList.remove("on"); }
const facts = (rows) => "<dl>" + rows.filter((r) => r && r[1] !== "" && r[1] !== undefined && r[1] !== null)
  .map(([k, v]) => `<dt>${esc(k)}</dt><dd>${esc(v)}</dd>`).join("") + "</dl>";
