"use strict";
// Everything that came from a host is inserted as text, never as HTML.
const MANY = 14;  // with more hosts, those that look the same are folded into one column
const DATA = JSON.parse(document.getElementById("data").textContent);
const RED = new Set(["unreachable", "failed", "unknown"]);
const panel = document.getElementById("panel");
const search = document.getElementById("search");
const foldButton = document.getElementById("fold");
const clearButton = document.getElementById("clear");
const selects = [...document.querySelectorAll(".narrow select")];
const chips = [...document.querySelectorAll(".chip")];
const tables = [...document.querySelectorAll(".matrix")];
const evidence = Object.create(null);
let texts = null;
let shown = -1;
let folded = DATA.hosts.length > MANY;

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== "" && child != null));
  return node;
}

const seconds = (s) => (s >= 60 ? `${Math.floor(s / 60)} min ${String(Math.round(s % 60)).padStart(2, "0")} s` : s >= 1 ? `${s.toFixed(1)} s` : `${Math.round(s * 1000)} ms`);
const mark = (kind) => el("span", { class: `mark ${kind}`, title: DATA.marks[kind][1] }, DATA.marks[kind][0]);

function command(reference) {
  const [file, n] = reference.split("#");
  if (!(file in evidence)) {
    const block = [...document.querySelectorAll("script[data-evidence]")].find((s) => s.dataset.evidence === file);
    evidence[file] = block ? JSON.parse(block.textContent) : {};
  }
  const run = evidence[file][n];
  texts = texts || JSON.parse(document.getElementById("texts").textContent);
  const text = (place) => (place == null ? "" : texts[place]);
  return run && { ...run, command: text(run.command), out: text(run.out), err: text(run.err) };
}

const moment = (at) => (at == null || DATA.began == null ? "" : new Date((DATA.began + at) * 1000).toISOString().replace("T", " ").replace(/\..*/, " UTC"));

// A cell's address: #H09@atlas01.
const anchor = (row, host) => `#${encodeURIComponent(row.key).replaceAll("%5B", "[").replaceAll("%5D", "]")}@${encodeURIComponent(host)}`;

// ---- the panel

const PICTURE = /^iVBORw0KGgo[A-Za-z0-9+/]+={0,2}\s*$/;  // a PNG as base64

function output(text, kind) {
  if (PICTURE.test(text)) return [el("img", { src: `data:image/png;base64,${text.trim()}`, alt: "Screenshot of the browser" })];
  const pre = el("pre", { class: kind }, text);
  const lines = text.split("\n").length;
  if (lines < 16 && text.length < 2000) return [pre];
  pre.classList.add("short");
  const more = el("button", { onclick: () => { pre.classList.remove("short"); more.remove(); } }, `Show all ${lines.toLocaleString("en")} lines`);
  return [pre, more];
}

function ran(reference) {
  const run = command(reference);
  if (!run) return el("div", { class: "run" }, el("p", {}, `${reference}: ${DATA.missing[reference] || "not in this page"}`));
  const notes = [];
  if (run.timed_out) notes.push("timed out");
  if (run.truncated) notes.push("output cut off on the host");
  if (run.encoded) notes.push("not UTF-8");
  if (run.changes) notes.push("change");
  notes.push(run.rc == null ? "no exit status" : `exit ${run.rc}`, seconds(run.seconds || 0));
  return el("div", { class: "run", title: `evidence/${reference}  ${moment(run.at)}` },
    el("div", {}, el("code", {}, run.command), el("i", { class: run.rc === 0 ? "" : "bad" }, notes.join(" · "))),
    ...(run.out ? output(run.out, "out") : []), ...(run.err ? output(run.err, "err") : []),
    run.out || run.err ? "" : el("p", {}, "no output"));
}

// The results of this test on this host in earlier runs, each linked to that run's own page beside this one.
function earlier(row, h) {
  if (!DATA.past.length) return [];
  const runs = DATA.past.map(([run, command, when], n) => [run, `${when} ${command}`, DATA.letters[(row.past[n] || "")[h]]]);
  if (!runs.some(([, , kind]) => kind)) return [];
  const dots = runs.filter(([, , kind]) => kind).map(([run, words, kind]) =>
    el("a", { class: "earlier", href: `../${encodeURIComponent(run)}/report.html${anchor(row, DATA.hosts[h][0])}` }, mark(kind), words, el("i", {}, DATA.marks[kind][1])));
  return [el("h3", {}, "Earlier runs"), el("div", { class: "runs" }, ...dots.reverse())];
}

function asText(i) {
  const [r, h, kind, d] = DATA.cells[i];
  const row = DATA.rows[r];
  const parts = [`${DATA.marks[kind][1].toUpperCase()}  ${row.id} ${row.title}`.replace("  ", " "), `host: ${DATA.hosts[h][0]}`];
  if (d.message) parts.push(d.message);
  if (d.fix) parts.push(`fix: ${d.fix}`);
  for (const [text] of d.actions || []) parts.push(`action: ${text}`);
  for (const reference of d.evidence || []) {
    const run = command(reference);
    if (run) parts.push(`$ ${run.command}   (exit ${run.rc}, evidence/${reference})`, run.out || "", run.err || "");
  }
  return parts.filter(Boolean).join("\n");
}

async function copy(button) {
  const text = asText(shown);
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", {}, text);
    panel.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
}

function show(i, clicked) {
  if (!DATA.cells[i]) return;
  const [r, h, kind, d] = DATA.cells[i];
  const row = DATA.rows[r];
  const [host, address, hostKind, role] = DATA.hosts[h];
  const list = (title, items) => (items.length ? [el("h3", {}, title), el("ul", {}, ...items)] : []);
  const copyButton = el("button", { onclick: () => copy(copyButton), title: "Message, fix, commands and their output" }, "Copy as text");
  shown = i;
  panel.setAttribute("class", kind);
  panel.replaceChildren(
    el("nav", {}, el("span", {}, "Arrow keys: next cell, n: next finding"), copyButton, el("button", { onclick: close, title: "Esc" }, "Close")),
    el("p", {}, el("span", { class: `pill ${kind}` }, DATA.marks[kind][1]), el("b", {}, host), ` ${[address, hostKind, role].filter(Boolean).join(" · ")}`),
    el("h2", {}, row.title), row.title_zh ? el("p", { class: "zh" }, row.title_zh) : "",
    el("p", { class: "meta" }, [row.id, row.severity, row.section && `runbook ${row.section}`, row.source === `runbook ${row.section}` ? "" : row.source, row.name].filter(Boolean).join(" · ")),
    el("p", { class: "meta" }, [moment(d.at), d.seconds != null && seconds(d.seconds), d.worker && `worker ${d.worker}`].filter(Boolean).join(" · ")),
    d.message ? el("p", { class: "message" }, d.message) : "",
    d.fix ? el("p", { class: "fix" }, el("b", {}, "Fix"), el("span", {}, d.fix)) : "",
    ...list("Proves", (d.proofs || []).map(([id, name, proof, message]) => el("li", {}, mark(proof), el("span", {}, `${id} ${name.replaceAll("_", " ")}${message ? `: ${message}` : ""}`)))),
    ...list(kind === "planned" ? "Would do" : "Did", (d.actions || []).map(([text, took]) => el("li", {}, el("code", {}, text), took && kind !== "planned" ? el("i", {}, seconds(took)) : ""))),
    ...((d.evidence || []).length ? [el("h3", {}, "Evidence"), ...d.evidence.map(ran)] : []),
    ...earlier(row, h),
  );
  panel.hidden = false;
  panel.scrollTop = 0;
  split(true, clicked);
  if (tds[i]) tds[i].classList.add("at");
  history.replaceState(null, "", anchor(row, host));
}

// Make room for the panel, and keep what was clicked in place.
function split(open, held) {
  document.querySelectorAll("td.at").forEach((cell) => cell.classList.remove("at"));
  const before = held && held.getBoundingClientRect().top;
  document.body.classList.toggle("split", open);
  if (held) scrollBy({ top: held.getBoundingClientRect().top - before, behavior: "instant" });
}

function close() {
  const cell = document.querySelector("td.at");
  panel.hidden = true;
  shown = -1;
  split(false, cell);
  history.replaceState(null, "", "#");
  if (cell) aim(cell).focus({ preventScroll: true });
}

// ---- filter, search, fold

// The tables are read once, as a filter looks at 25,000 cells for every key press.
const tds = [];
const grids = tables.map((table) => ({
  table,
  heads: [...table.tHead.rows[0].cells].slice(1),
  bodies: [...table.tBodies].map((body) => ({
    body,
    rows: [...body.rows].slice(1).map((tr) => {
      const all = [...tr.cells].slice(1);
      return { tr, all, cells: all.flatMap((td, column) => {
        if (!td.dataset.i) return [];
        tds[td.dataset.i] = td;
        return [[Number(td.dataset.i), column, td]];
      }) };
    }),
  })),
}));
const dimmed = new Set();
const rowWords = DATA.rows.map((row) => [row.name, row.id, row.title, row.title_zh, row.area, row.section, row.source].join("\n").toLowerCase());
const hostWords = DATA.hosts.map((host) => host.join("\n").toLowerCase());

function hostMatches(filter) {
  const place = { host: 0, kind: 2, role: 3 };
  const [what, ...name] = filter.split(":");
  return (host) => !filter || host[place[what]] === name.join(":");
}

// For each cell whether it matches the filter; null without a filter.
function matchingCells() {
  const kinds = new Set(chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.kind));
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const value = Object.fromEntries(selects.map((select) => [select.id, select.value]));
  if (!kinds.size && !words.length && !selects.some((select) => select.value)) return null;
  const rows = DATA.rows.map((row) => (!value.severity || row.severity === value.severity) && (!value.area || row.area === value.area));
  const hosts = DATA.hosts.map(hostMatches(value.host));
  const searched = words.map((word) => ({ word, rows: rowWords.map((text) => text.includes(word)), hosts: hostWords.map((text) => text.includes(word)) }));
  return DATA.cells.map(([r, h, kind, d]) => rows[r] && hosts[h] && (!kinds.size || kinds.has(kind)) &&
    searched.every((match) => match.rows[r] || match.hosts[h] || (d.message || "").toLowerCase().includes(match.word)));
}

function filter() {
  const fits = matchingCells();
  for (const { table, heads, bodies } of grids) {
    const used = new Set();
    for (const { body, rows } of bodies) {
      let anyRow = false;
      for (const { tr, cells } of rows) {
        const any = !fits || cells.some(([i]) => fits[i]);
        tr.hidden = !any;
        anyRow = anyRow || any;
        for (const [i, column, td] of cells) {
          const dim = any && fits !== null && !fits[i];
          if (!fits || fits[i]) used.add(column);
          if (dim !== dimmed.has(i)) {
            td.classList.toggle("dim", dim);
            dimmed[dim ? "add" : "delete"](i);
          }
        }
      }
      body.hidden = !anyRow;
    }
    let left = 0;
    heads.forEach((head, place) => {
      const hide = fits ? !used.has(place) : folded && "folded" in head.dataset;
      if (!hide) left += 1;
      if (hide !== head.hidden) {
        head.hidden = hide;
        for (const { rows } of bodies) for (const { all } of rows) all[place].hidden = hide;
      }
      const more = folded && !fits && head.dataset.more;
      head.querySelector("b").textContent = DATA.hosts[place][0] + (more ? ` +${more}` : "");
    });
    table.classList.toggle("few", left <= 8);
    table.style.setProperty("--hosts", left);
    table.parentElement.classList.toggle("free", left <= 8);
    for (const { body } of bodies) body.rows[0].cells[0].colSpan = left + 1;
    table.parentElement.hidden = used.size === 0;
    table.parentElement.nextElementSibling.hidden = !table.parentElement.hidden;
  }
  for (const finding of document.querySelectorAll(".finding")) {
    finding.hidden = fits !== null && ![...finding.querySelectorAll("[data-i]")].some((place) => fits[place.dataset.i]);
  }
  for (const lane of document.querySelectorAll(".lanes > svg")) {
    const none = fits !== null && ![...lane.querySelectorAll("[data-i]")].some((bar) => fits[bar.dataset.i]);
    lane.toggleAttribute("hidden", none);
    lane.previousElementSibling.hidden = none;
  }
  for (const group of document.querySelectorAll(".group")) group.hidden = !group.querySelector(".finding:not([hidden])");
  foldButton.textContent = folded ? "Show every host" : "Fold identical hosts";
  foldButton.hidden = fits !== null || DATA.hosts.length <= MANY || !document.querySelector("th[data-folded]");
  clearButton.hidden = fits === null;
  clearButton.textContent = fits ? `Clear (${fits.filter(Boolean).length.toLocaleString("en")} of ${fits.length.toLocaleString("en")})` : "";
}

function clear() {
  search.value = "";
  for (const select of selects) select.value = "";
  for (const chip of chips) chip.setAttribute("aria-pressed", "false");
  filter();
}

function only(id, value) {
  const select = document.getElementById(id);
  select.value = select.value === value ? "" : value;
  filter();
}

// ---- events

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-i]");
  const head = event.target.closest("thead th[data-host]");
  const area = event.target.closest("[data-area]");
  if (head) only("host", `host:${head.dataset.host}`);
  else if (area) only("area", area.dataset.area);
  else if (target) show(Number(target.dataset.i), target);
  else if (!panel.hidden && !panel.contains(event.target) && event.target.isConnected) close();
});

const isSeen = (td) => td && td.dataset.i && td.getClientRects().length > 0 && !td.classList.contains("dim");

// Make a cell the only one that the Tab key reaches; the arrow keys move on from it.
function aim(td) {
  for (const old of document.querySelectorAll("td[tabindex]")) old.removeAttribute("tabindex");
  const [r, h, kind] = DATA.cells[td.dataset.i];
  td.setAttribute("tabindex", "0");
  td.setAttribute("aria-label", `${DATA.rows[r].title}, ${DATA.hosts[h][0]}: ${DATA.marks[kind][1]}`);
  return td;
}

function go(td) {
  if (!panel.hidden) show(Number(td.dataset.i));
  aim(td).focus({ preventScroll: true });
  td.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function step(cell, dx, dy) {
  const rows = [...cell.closest("table").querySelectorAll("tbody tr:not(.area)")];
  let row = rows.indexOf(cell.parentElement), column = cell.cellIndex;
  for (;;) {
    row += dy;
    column += dx;
    const next = rows[row] && rows[row].cells[column];
    if (!next || column < 1) return;
    if (isSeen(next)) return void go(next);
  }
}

// Go to the next finding, in the order of the tables, wrapping around.
function nextFinding(direction) {
  const red = tds.filter((td, i) => RED.has(DATA.cells[i][2]) && isSeen(td));
  if (!red.length) return;
  const here = red.findIndex((td) => Number(td.dataset.i) >= shown);
  const at = here >= 0 ? here : red.length;
  const past = shown >= 0 && here >= 0 && Number(red[here].dataset.i) === shown;
  const td = red[(at + (direction > 0 ? (past ? 1 : 0) : -1) + red.length) % red.length];
  show(Number(td.dataset.i));
  go(td);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const typing = event.target.matches("input, select, textarea");
  const cell = event.target.closest("td[data-i]") || (panel.hidden ? null : tds[shown]);
  if (event.key === "Escape") { if (panel.hidden) clear(); else close(); }
  if (typing) return;
  if (event.key === "/") { event.preventDefault(); search.focus(); }
  if (event.key === "n" || event.key === "p") nextFinding(event.key === "n" ? 1 : -1);
  if (event.key === "Enter" && event.target.closest("td[data-i]")) show(Number(event.target.dataset.i));
  if (arrows[event.key] && cell) { event.preventDefault(); step(cell, ...arrows[event.key]); }
});

for (const chip of chips) {
  chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    filter();
  });
}
for (const select of selects) select.addEventListener("change", filter);
let waiting = 0;
search.addEventListener("input", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(filter); });
clearButton.addEventListener("click", clear);
foldButton.addEventListener("click", () => { folded = !folded; filter(); });
const bar = document.querySelector(".bar");
new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);
