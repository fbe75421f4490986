"use strict";
// Everything that came from a host is inserted as text, never as HTML.
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
const details = Object.create(null);

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

// A cell is known by its number i: the place of its row, times the number of hosts, plus the place of its host.
const WIDTH = DATA.hosts.length;
const place = (i) => [Math.floor(i / WIDTH), i % WIDTH];
const kindAt = (r, h) => DATA.letters[(DATA.rows[r]?.cells || "")[h]];
const kindOf = (i) => kindAt(...place(i));
const saidAt = (r, h) => DATA.rows[r].said[h];

function detailsOf(i) {
  const [r, h] = place(i);
  if (!(h in details)) {
    const block = document.querySelector(`script[data-details="${h}"]`);
    details[h] = block ? JSON.parse(block.textContent) : {};
  }
  return { message: DATA.words[saidAt(r, h)], ...details[h][r] };
}

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
  const [r, h] = place(i);
  const kind = kindAt(r, h), d = detailsOf(i);
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
  if (!kindOf(i)) return;
  const [r, h] = place(i);
  const kind = kindAt(r, h), d = detailsOf(i);
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
  tds.get(i)?.classList.add("at");
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
