"use strict";
// Everything that came from a host is put in as text, never as HTML.
const MANY = 14;  // hosts, from which on those that look alike are folded into one column
const DATA = JSON.parse(document.getElementById("data").textContent);
const panel = document.getElementById("panel");
const search = document.getElementById("search");
const foldButton = document.getElementById("fold");
const chips = [...document.querySelectorAll(".chip")];
const tables = [...document.querySelectorAll(".matrix")];
const evidence = Object.create(null);
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
  return evidence[file][n];
}

// ---- the panel

function output(text, kind) {
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
  return el("div", { class: "run", title: `evidence/${reference}  ${run.at || ""}` },
    el("div", {}, el("code", {}, run.command), el("i", { class: run.rc === 0 ? "" : "bad" }, notes.join(" · "))),
    ...(run.out ? output(run.out, "out") : []), ...(run.err ? output(run.err, "err") : []),
    run.out || run.err ? "" : el("p", {}, "no output"));
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
    el("nav", {}, el("span", {}, "Arrow keys: next cell"), copyButton, el("button", { onclick: close, title: "Esc" }, "Close")),
    el("p", {}, el("span", { class: `pill ${kind}` }, DATA.marks[kind][1]), el("b", {}, host), ` ${[address, hostKind, role].filter(Boolean).join(" · ")}`),
    el("h2", {}, row.title), row.title_zh ? el("p", { class: "zh" }, row.title_zh) : "",
    el("p", { class: "meta" }, [row.id, row.severity, row.section && `runbook ${row.section}`, row.source, row.name].filter(Boolean).join(" · ")),
    el("p", { class: "meta" }, [d.started && new Date(d.started).toISOString().replace("T", " ").replace(/\..*/, " UTC"), d.seconds != null && seconds(d.seconds), d.worker && `worker ${d.worker}`].filter(Boolean).join(" · ")),
    d.message ? el("p", { class: "message" }, d.message) : "",
    d.fix ? el("p", { class: "fix" }, el("b", {}, "Fix"), el("span", {}, d.fix)) : "",
    ...list("Proves", (d.proofs || []).map(([id, name, proof, message]) => el("li", {}, mark(proof), el("span", {}, `${id} ${name.replaceAll("_", " ")}${message ? `: ${message}` : ""}`)))),
    ...list(kind === "planned" ? "Would do" : "Did", (d.actions || []).map(([text, took]) => el("li", {}, el("code", {}, text), took && kind !== "planned" ? el("i", {}, seconds(took)) : ""))),
    ...((d.evidence || []).length ? [el("h3", {}, "Evidence"), ...d.evidence.map(ran)] : []),
  );
  panel.hidden = false;
  panel.scrollTop = 0;
  split(true, clicked);
  const cell = document.querySelector(`td[data-i="${i}"]`);
  if (cell) cell.classList.add("at");
  history.replaceState(null, "", `#${encodeURIComponent(`${row.key}@${host}`)}`);
}

// The page makes room for the panel; what was clicked stays where it is.
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
}

// ---- filter, search, fold

const haystacks = DATA.cells.map(([r, h, , d]) => {
  const row = DATA.rows[r];
  return [row.name, row.id, row.title, row.title_zh, row.area, row.section, row.source, ...DATA.hosts[h], d.message].join("\n").toLowerCase();
});
const columns = document.createElement("style");
document.head.append(columns);

function filter() {
  const kinds = new Set(chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.kind));
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const active = kinds.size > 0 || words.length > 0;
  const fits = DATA.cells.map(([, , kind], i) => (!kinds.size || kinds.has(kind)) && words.every((word) => haystacks[i].includes(word)));
  const rules = [];
  tables.forEach((table, t) => {
    const used = new Set();
    for (const row of table.querySelectorAll("tbody tr:not(.area)")) {
      let any = false;
      [...row.children].forEach((cell, column) => {
        if (!cell.dataset.i) return;
        const fit = fits[cell.dataset.i];
        cell.classList.toggle("dim", active && !fit);
        if (fit) { any = true; used.add(column); }
      });
      row.hidden = active && !any;
    }
    for (const body of table.tBodies) body.hidden = active && ![...body.rows].some((row) => !row.hidden && row.className !== "area");
    let left = 0;
    [...table.tHead.rows[0].cells].slice(1).forEach((head, place) => {
      const hide = active ? !used.has(place + 1) : folded && "folded" in head.dataset;
      if (hide) rules.push(`.matrix.t${t} tr:not(.area) > :nth-child(${place + 2}) { display: none; }`);
      else left += 1;
      const more = folded && !active && head.dataset.more;
      head.querySelector("b").textContent = DATA.hosts[place][0] + (more ? ` +${more}` : "");
    });
    table.classList.add(`t${t}`);
    table.classList.toggle("few", left <= 8);
    table.parentElement.classList.toggle("free", left <= 8);
    for (const heading of table.querySelectorAll(".area th")) heading.colSpan = left + 1;
    table.parentElement.hidden = active && used.size === 0;
    table.parentElement.nextElementSibling.hidden = !table.parentElement.hidden;
  });
  for (const finding of document.querySelectorAll(".finding")) {
    finding.hidden = active && ![...finding.querySelectorAll("[data-i]")].some((place) => fits[place.dataset.i]);
  }
  columns.textContent = rules.join("\n");
  foldButton.textContent = folded ? "Show every host" : "Fold hosts that look alike";
  foldButton.hidden = active || DATA.hosts.length <= MANY || !document.querySelector("th[data-folded]");
}

// ---- events

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-i]");
  if (target) show(Number(target.dataset.i), target);
  else if (!panel.hidden && !panel.contains(event.target) && event.target.isConnected) close();
});

function step(dx, dy) {
  const cell = document.querySelector("td.at");
  if (!cell) return;
  const visible = (td) => td && td.dataset.i && td.getClientRects().length > 0 && !td.classList.contains("dim");
  const rows = [...cell.closest("table").querySelectorAll("tbody tr:not(.area)")];
  let row = rows.indexOf(cell.parentElement), column = cell.cellIndex;
  for (;;) {
    row += dy;
    column += dx;
    const next = rows[row] && rows[row].cells[column];
    if (!next) return;
    if (visible(next)) {
      show(Number(next.dataset.i));
      next.scrollIntoView({ block: "nearest", inline: "nearest" });
      return;
    }
  }
}

document.addEventListener("keydown", (event) => {
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key === "Escape") { if (panel.hidden) { search.value = ""; filter(); } else close(); }
  if (event.key === "/" && event.target !== search) { event.preventDefault(); search.focus(); }
  if (arrows[event.key] && !panel.hidden && event.target !== search) { event.preventDefault(); step(...arrows[event.key]); }
});

for (const chip of chips) {
  chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    filter();
  });
}
search.addEventListener("input", filter);
foldButton.addEventListener("click", () => { folded = !folded; filter(); });
const bar = document.querySelector(".bar");
new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => { details.open = true; }));

const theme = document.getElementById("theme");
const themes = ["", "light", "dark"];
function paint(name) {
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
}
function stored() {
  try { return localStorage.getItem("dlws-theme") || ""; } catch { return ""; }
}
theme.addEventListener("click", () => {
  const next = themes[(themes.indexOf(document.documentElement.dataset.theme || "") + 1) % themes.length];
  paint(next);
  try { localStorage.setItem("dlws-theme", next); } catch { /* a file may have no storage */ }
});
paint(stored());
filter();
const wanted = decodeURIComponent(location.hash.slice(1));
if (wanted) show(DATA.cells.findIndex(([r, h]) => `${DATA.rows[r].key}@${DATA.hosts[h][0]}` === wanted));
