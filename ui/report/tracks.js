// The charts above the lanes: pods, GPUs, money an hour, prices; one time axis for all.
const S = D.steps;

/** The steps in view as corners of a step line; the highest of each pixel where there are more. */
function corners(values, frame) {
  const points = [], { x, width } = frame;
  let i = Math.max(0, lastAt(S.t, view.a));
  let column = -1;
  for (; i < S.t.length && (S.t[i] <= view.b || points.length === 0); ++i) {
    const at = Math.max(0, x(S.t[i])), pixel = Math.floor(at * 2);
    if (pixel === column && points.length) {
      const last = points[points.length - 1];
      if (values[i] > last[2]) last[2] = values[i];
      last[1] = values[i];
    } else {
      points.push([at, values[i], values[i]]);
      column = pixel;
    }
  }
  points.push([Math.min(width, x(END)), points.length ? points[points.length - 1][1] : 0, 0]);
  return points;
}
function trace(g, points, y, close) {
  g.beginPath();
  let before = null;
  points.forEach(([at, value, peak], i) => {
    if (before === null) { if (close) { g.moveTo(at, y(0)); g.lineTo(at, y(peak)); } else g.moveTo(at, y(peak)); }
    else { g.lineTo(at, y(before)); if (i < points.length - 1) g.lineTo(at, y(peak)); }
    if (peak !== value && i < points.length - 1) g.lineTo(at, y(value));
    before = value;
  });
  if (close && points.length) g.lineTo(points[points.length - 1][0], y(0));
}
function area(g, points, y, colour, alpha) {
  trace(g, points, y, true);
  g.globalAlpha = alpha;
  g.fillStyle = colour;
  g.fill();
  g.globalAlpha = 1;
  trace(g, points, y, false);
  g.strokeStyle = colour;
  g.lineWidth = 1.5;
  g.stroke();
}
const most = (values) => values.reduce((a, b) => Math.max(a, b), 0);
function scaleFor(top, height) {
  const pad = 10;
  return (value) => height - 1 - (top > 0 ? (value / top) * (height - pad - 1) : 0);
}
function topLabel(g, text) {
  g.fillStyle = C.dim;
  g.textAlign = "left";
  g.fillText(text, 6, 11);
}
/** Moments at which AWS wanted machines back: lines, or ticks where they would hide the chart. */
const noticed = D.machines.notice.filter((t) => t >= 0).sort((a, b) => a - b);
function marks(g, frame) {
  const first = lastAt(noticed, view.a), last = lastAt(noticed, view.b), few = last - first <= 24;
  g.strokeStyle = C.bad;
  g.globalAlpha = few ? 0.55 : 0.8;
  g.beginPath();
  for (let i = first + 1; i <= last; ++i) {
    const at = Math.round(frame.x(noticed[i])) + 0.5;
    g.moveTo(at, few ? 0 : frame.height - 5);
    g.lineTo(at, frame.height);
  }
  g.stroke();
  g.globalAlpha = 1;
}

const stacked = S.running.map((n, i) => n + S.pending[i]);
const askedTop = Math.max(most(S.gpus), most(S.used));
const tracks = [
  {
    name: "Pods", height: 84,
    now: (i) => `${count(S.running[i])} running, ${count(S.pending[i])} waiting`,
    idle: `${plural(most(S.running), "pod")} at most`,
    draw(g, frame) {
      const top = most(stacked), y = scaleFor(top, frame.height);
      area(g, corners(stacked, frame), y, C.wait, 0.55);
      area(g, corners(S.running, frame), y, C.held, 0.75);
      topLabel(g, short(top));
    },
  },
  {
    name: "GPUs", height: 84,
    now: (i) => `${short(S.used[i])} held of ${count(S.gpus[i])}`,
    idle: `${plural(most(S.gpus), "GPU")} at most`,
    draw(g, frame) {
      const y = scaleFor(askedTop, frame.height);
      area(g, corners(S.gpus, frame), y, C.bought, 0.6);
      area(g, corners(S.used, frame), y, C.held, 0.75);
      topLabel(g, short(askedTop));
    },
  },
  {
    name: "Dollars an hour", height: 66,
    now: (i) => `${money(S.usd[i])} an hour, ${plural(S.nodes[i], "node")}`,
    idle: `${money(most(S.usd))} at most`,
    draw(g, frame) {
      const top = most(S.usd), y = scaleFor(top, frame.height);
      area(g, corners(S.usd, frame), y, C.money, 0.3);
      topLabel(g, money(top));
    },
  },
];
if (D.prices.length) tracks.push(priceTrack());
tracks.push({ name: "", height: 24, axis: true, now: () => "", idle: "", draw: drawAxis });

function priceTrack() {
  const top = most(D.prices.map((p) => most(p.p)));
  return {
    name: "Spot prices", height: 84,
    now: () => D.prices.slice(0, 3).map((p) => { const i = lastAt(p.t, cursor.t); return i < 0 ? "" : money(p.p[i]); }).filter(Boolean).join(" · "),
    idle: plural(D.prices.length, "pool"),
    draw(g, frame) {
      const y = scaleFor(top, frame.height);
      D.prices.forEach((pool, n) => {
        g.strokeStyle = hue(n);
        g.lineWidth = 1.3;
        g.beginPath();
        let i = Math.max(0, lastAt(pool.t, view.a)), open = false;
        for (; i < pool.t.length && (!open || pool.t[i - 1] <= view.b); ++i) {
          const at = frame.x(Math.max(pool.t[i], 0));
          if (open) g.lineTo(at, y(pool.p[i - 1])); else g.moveTo(at, y(pool.p[i]));
          g.lineTo(at, y(pool.p[i]));
          open = true;
        }
        if (open) g.lineTo(frame.x(END), y(pool.p[Math.min(i, pool.p.length) - 1]));
        g.stroke();
      });
      topLabel(g, money(top));
    },
    tip: () => D.prices.map((p, n) => { const i = lastAt(p.t, cursor.t); return i < 0 ? "" : `<dt><i style="color:${hue(n)}">■</i> ${esc(p.pool)}</dt><dd>${money(p.p[i])}</dd>`; }).join(""),
  };
}
function drawAxis(g, frame) {
  const { step, list } = ticks(frame.width);
  g.fillStyle = C.dim;
  for (const t of list) {
    const at = frame.x(t), text = tickText(t, step), half = g.measureText(text).width / 2;
    g.textAlign = at < half + 2 ? "left" : at > frame.width - half - 2 ? "right" : "center";
    g.fillText(text, Math.min(Math.max(at, 2), frame.width - 2), 15);
  }
}

const HUES = ["#2fd3c0", "#7cb7ff", "#b78bff", "#f48fb1", "#ffb86b", "#9bd770", "#5ad1f5", "#e3c567", "#ff8f7a", "#8ea6ff"];
const LIGHT_HUES = ["#12a796", "#2774d8", "#7c4ddb", "#c8417c", "#c96a10", "#4f9420", "#0b86b3", "#9c7a10", "#c94b35", "#4059c9"];
const hue = (n) => (document.documentElement.dataset.theme === "light" ? LIGHT_HUES : HUES)[n % HUES.length];

function tipAt(event, track, t) {
  const i = lastAt(S.t, t);
  if (i < 0) return hideTip();
  const rows = [
    ["pods", `${count(S.running[i])} running, ${count(S.pending[i])} waiting`],
    ["GPUs", `${short(S.used[i])} held of ${count(S.gpus[i])}`],
    ["nodes", `${count(S.gpu_nodes[i])} with GPUs, ${count(S.nodes[i] - S.gpu_nodes[i])} others`],
    ["cost", money(S.usd[i]) + " an hour"],
  ];
  const more = track.tip ? `<hr><dl>${track.tip()}</dl>` : "";
  showTip(event, `<h3>${clock(t)}</h3>${facts(rows)}${more}`);
}
function buildTracks() {
  for (const track of tracks) {
    const row = document.createElement("div");
    row.className = "track";
    row.innerHTML = `<div class="name"><b>${track.name}</b><span></span></div><div><canvas></canvas></div>`;
    $("tracks").append(row);
    if (track.axis) row.querySelector(".name").style.padding = "0";
    const label = row.querySelector("span"), canvas = row.querySelector("canvas");
    navigable(canvas, (event, t) => (track.axis ? hideTip() : tipAt(event, track, t)));
    redraws.push(() => {
      const frame = begin(canvas, track.height);
      if (!track.axis) moments(frame.g, frame);
      track.draw(frame.g, frame);
      if (!track.axis) { marks(frame.g, frame); crosshair(frame.g, frame); }
      const i = cursor.t === null ? -1 : lastAt(S.t, cursor.t);
      label.textContent = i < 0 ? track.idle : track.now(i);
      label.className = i < 0 ? "" : "now";
    });
  }
}
