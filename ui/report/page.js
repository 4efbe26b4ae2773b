// The rest of the page: headline numbers, the story, the bills; and the start.
const R = D.result;

function tile(title, big, sub, meter) {
  const bars = (meter || []).map(([kind, part]) => `<i class="${kind}" style="width:${Math.max(0, Math.min(100, part * 100))}%"></i>`).join("");
  return `<div class="tile"><h2>${title}</h2><div class="big">${big}</div><div class="sub">${sub}</div>${meter ? `<div class="meter">${bars}</div>` : ""}</div>`;
}
function buildTiles() {
  const cost = R.cost, nodes = R.nodes, pods = R.pods, wait = R.wait_seconds, gpu = R.gpu, B = D.bought;
  const tiles = [];
  const idle = cost.gpu_usd > 0 ? cost.idle_gpu_usd / cost.gpu_usd : 0;
  const least = cost.lower_bound_usd > 0 ? ` <small title="no set of nodes could have run these pods for less">bound ${money(cost.lower_bound_usd)}</small>` : "";
  const reserved = R.reservations || [];
  const unused = reserved.length > 0 ? `; ${money(reserved.reduce((n, r) => n + r.unused_usd, 0))} for reserved ones, unused` : "";
  tiles.push(tile("Cost", money(cost.total_usd) + least, (cost.gpu_usd > 0 ? `${money(cost.gpu_usd)} for GPU nodes, ${money(cost.idle_gpu_usd)} of it idle` : "no GPU node was bought") + unused,
    cost.gpu_usd > 0 && [["money", (1 - idle) * (cost.gpu_usd / Math.max(cost.total_usd, 1e-9))], ["bad", idle * (cost.gpu_usd / Math.max(cost.total_usd, 1e-9))]]));
  tiles.push(tile("GPU nodes", `0 → ${count(nodes.gpu_peak)} → ${count(nodes.gpu_final)}`, `${count(nodes.gpu_launched)} launched, ${plural(nodes.launched - nodes.gpu_launched, "other node")}`));
  tiles.push(tile("GPUs bought", `${count(B.gpus)} <small>for</small> ${count(B.asked)} <small>${B.sliced ? "slices" : "asked"}</small>`,
    gpu.seconds_bought > 0 ? `${B.sliced ? `${short(B.worth)} ${short(B.worth) === "1" ? "GPU's" : "GPUs'"} worth held; ` : ""}idle for ${percent(gpu.seconds_idle, gpu.seconds_bought)} of ${span(gpu.seconds_bought)} of GPU time` : "none was bought",
    gpu.seconds_bought > 0 && [["", gpu.seconds_requested / gpu.seconds_bought]]));
  const done = pods.succeeded + pods.running;
  const deleted = pods.created - done - pods.pending - pods.failed;
  const parts = [pods.succeeded && `${count(pods.succeeded)} succeeded`, pods.running && `${count(pods.running)} running`, pods.pending && `${count(pods.pending)} waiting`, pods.failed && `${count(pods.failed)} failed`, pods.evicted && `${count(pods.evicted)} evicted`, deleted > 0 && `${count(deleted)} deleted`].filter(Boolean);
  tiles.push(tile("Pods", count(pods.created), parts.join(", ") || "none is left", pods.created > 0 && [["", done / pods.created], ["wait", pods.pending / pods.created], ["bad", pods.failed / pods.created]]));
  tiles.push(tile(B.asked > 0 ? "Wait for a GPU" : "Wait to run", wait.p50 === null ? "–" : `${span(wait.p50)} <small>median</small>`, wait.p50 === null ? "no pod ever ran" : `${span(wait.p95)} for 95 %, ${span(wait.max)} the longest`,
    wait.p50 !== null && [["wait", wait.p50 / Math.max(wait.max, 1)]]));
  if (R.spot.interruptions > 0) tiles.push(tile("Taken back by AWS", count(R.spot.interruptions), `${count(R.spot.notices_handled)} drained in time, ${span(R.spot.pod_seconds_lost)} of work lost`));
  $("tiles").innerHTML = tiles.join("");
}

const SIGNS = { d: "▸", b: "+$", s: "−$", w: "!", i: "‼", g: "✓", n: "" };
let lineItems = [];
function buildLines() {
  const list = $("lines");
  list.innerHTML = D.lines.map((l, i) => `<li class="${l.m}" data-i="${i}"><time>${clock(l.t)}</time><span class="sign">${SIGNS[l.m]}</span><span class="who">${esc(l.who)}</span><span class="what">${esc(l.what)}${l.d >= 10 ? ` <em>within ${span(l.d)}</em>` : ""}</span></li>`).join("") + '<li class="none" hidden>nothing in view</li>';
  lineItems = [...list.querySelectorAll("li[data-i]")];
  list.addEventListener("click", (event) => {
    const item = event.target.closest("li[data-i]");
    if (!item) return;
    const t = D.lines[item.dataset.i].t, half = Math.min(END, Math.max((view.b - view.a) / 2, 60) > END / 3 ? END / 6 : (view.b - view.a) / 2);
    setView(t - half, t + half);
    cursor.t = t;
  });
  list.addEventListener("mouseover", (event) => {
    const item = event.target.closest("li[data-i]");
    cursor.t = item ? D.lines[item.dataset.i].t : null;
    redraw();
  });
  list.addEventListener("mouseleave", () => { cursor.t = null; redraw(); });
  let shown = "";
  redraws.push(() => {
    const word = $("search").value.toLowerCase(), all = !$("follow").checked;
    const key = `${view.a}|${view.b}|${word}|${all}`;
    if (key !== shown) {
      shown = key;
      let any = false;
      lineItems.forEach((item, i) => {
        const l = D.lines[i];
        const hide = !((all || (l.t + l.d >= view.a && l.t <= view.b)) && (!word || (l.who + " " + l.what).toLowerCase().includes(word)));
        if (item.hidden !== hide) item.hidden = hide;
        any = any || !hide;
      });
      list.querySelector(".none").hidden = any;
    }
  });
  $("search").addEventListener("input", redraw);
  $("follow").addEventListener("change", redraw);
}
function buildBills() {
  const bills = D.bills.map((b) => [b.n, b.type, b.market + (b.gpus ? `, ${plural(b.gpus, "GPU")} each` : ""), b.s, b.usd])
    .concat((R.reservations || []).map((r) => [r.count, r.instance_type, `of ${r.id}, while unused; used for ${span(r.used_seconds)}`, r.unused_seconds, r.unused_usd]));
  const most = bills.reduce((n, [, , , , usd]) => Math.max(n, usd), 0);
  $("bills").innerHTML = bills.length === 0 ? "<tr><td>nothing was bought</td></tr>" : "<tr><th>machines</th><th>time</th><th>cost</th></tr>" + bills.map(([n, type, how, s, usd]) =>
    `<tr><td>${count(n)} × ${esc(type)} <small>${esc(how)}</small><div class="share" style="width:${most > 0 ? (100 * usd) / most : 0}%"></div></td><td>${span(s)}</td><td>${money(usd)}</td></tr>`).join("");
  $("found").innerHTML = R.diagnostics.map((d) => `<li><b>${esc(d.file)}${d.line ? ":" + d.line : ""}</b> ${esc(d.severity)}: ${esc(d.what)}${d.remedy ? "; " + esc(d.remedy) : ""}</li>`).join("");
  $("found-panel").hidden = R.diagnostics.length === 0;
  $("left").innerHTML = D.left.map((text) => `<li>${esc(text)}</li>`).join("");
  $("left-panel").hidden = D.left.length === 0;
}
function buildLegends() {
  const key = (colour, text, extra = "") => `<span><i ${extra} style="background:${colour}"></i>${esc(text)}</span>`;
  $("legend").innerHTML = key("var(--held)", "running, held") + key("var(--wait)", "waiting") + key("var(--bought)", "bought") + key("var(--bad)", "taken back");
  const owners = D.owners.map((name, i) => [name, i, 0]);
  P.owner.forEach((o) => { ++owners[o][2]; });
  const top = owners.filter((o) => o[2] > 0).sort((a, b) => b[2] - a[2]).slice(0, owners.length > 10 ? 3 : 6);
  $("owners").innerHTML = '<span><i class="hatch"></i>booting</span>' + key("var(--bought)", "idle") + top.map(([name, i]) => key(hue(i), name || "pods")).join("") + (owners.length > top.length ? `<span>and ${count(owners.length - top.length)} more</span>` : "");
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  hatch = null;
  readColours();
  buildLegends();
  redraw();
}
function start() {
  $("title").textContent = D.cluster || "a GPU cluster";
  document.title = `${D.cluster || "gputide"}: ${money(R.cost.total_usd)}`;
  $("subtitle").textContent = [D.region, span(R.virtual_seconds) + " of cluster time", `seed ${R.seed}`, `fingerprint ${R.fingerprint}`].filter(Boolean).join(" · ");
  buildTiles();
  buildTracks();
  buildLanes();
  buildLines();
  buildBills();
  redraws.push(() => { $("range").textContent = `${clock(view.a)} – ${clock(view.b)}`; });
  document.querySelectorAll("[data-zoom]").forEach((b) => b.addEventListener("click", () => (b.dataset.zoom === "all" ? setView(0, END) : zoom(b.dataset.zoom === "in" ? 0.5 : 2))));
  document.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT") return;
    const by = (view.b - view.a) / 4;
    const act = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => setView(0, END), ArrowLeft: () => setView(view.a - by, view.b - by), ArrowRight: () => setView(view.a + by, view.b + by) }[event.key];
    if (act) { act(); event.preventDefault(); }
  });
  $("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "light" ? "dark" : "light"));
  const asked = new URLSearchParams(location.hash.slice(1));
  theme(asked.get("theme") || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));
  layoutLanes();
  if (asked.has("from")) setView(Number(asked.get("from")), Number(asked.get("to") || END));
  addEventListener("resize", () => { layoutLanes(); redraw(); });
  redraw();
}
start();
