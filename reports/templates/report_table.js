// Filter, search, and the cells of the table: drawn anew for what is looked at, at most DATA.most columns at a time.

const tds = new Map();  // the cells that are drawn, by their number
const opened = new Set();  // the hosts at the head of columns that were unfolded
let folded = WIDTH > DATA.many;
const grids = tables.map((table) => ({
  table,
  page: 0,
  head: table.tHead.rows[0],
  bodies: [...table.tBodies].map((body) => ({ body, rows: [...body.rows].slice(1).map((tr) => ({ tr, r: Number(tr.dataset.row) })) })),
}));
const rowWords = DATA.rows.map((row) => [row.name, row.id, row.title, row.title_zh, row.area, row.section, row.source].join("\n").toLowerCase());
const hostWords = DATA.hosts.map((host) => host.join("\n").toLowerCase());
const said = DATA.words.map((words) => words.toLowerCase());
const total = DATA.rows.reduce((sum, row) => sum + row.cells.replaceAll(" ", "").length, 0);

function hostMatches(filter) {
  const part = { host: 0, kind: 2, role: 3 };
  const [what, ...name] = filter.split(":");
  return (host) => !filter || host[part[what]] === name.join(":");
}

// Whether each cell matches the filter, by its number; null without a filter.
function matchingCells() {
  const kinds = new Set(chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.kind));
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const value = Object.fromEntries(selects.map((select) => [select.id, select.value]));
  if (!kinds.size && !words.length && !selects.some((select) => select.value)) return null;
  const hosts = DATA.hosts.map(hostMatches(value.host));
  const searched = words.map((word) => {
    const has = (text) => text.includes(word);
    return { rows: rowWords.map(has), hosts: hostWords.map(has), said: said.map(has) };
  });
  const fits = new Uint8Array(DATA.rows.length * WIDTH);
  DATA.rows.forEach((row, r) => {
    if ((value.severity && row.severity !== value.severity) || (value.area && row.area !== value.area)) return;
    for (let h = 0; h < WIDTH; h += 1) {
      const kind = hosts[h] && kindAt(r, h);
      if (!kind || (kinds.size && !kinds.has(kind))) continue;
      if (searched.every((match) => match.rows[r] || match.hosts[h] || match.said[row.said[h]])) fits[r * WIDTH + h] = 1;
    }
  });
  return fits;
}

// The columns of a table: groups of hosts that look the same in these rows, or single hosts.
function columnsOf(hosts, rows) {
  if (!folded || hosts.length <= DATA.many) return hosts.map((h) => [h]);
  const groups = new Map();
  for (const h of hosts) {
    const look = rows.map((r) => DATA.rows[r].cells[h] || " ").join("");
    if (groups.has(look)) groups.get(look).push(h);
    else groups.set(look, [h]);
  }
  return [...groups.values()].flatMap((group) => (opened.has(group[0]) ? group.map((h) => [h]) : [group]));
}

function columnHead([h, ...others]) {
  const [name, address, kind, role] = DATA.hosts[h];
  const about = others.length ? `${name} and ${others.length} more that look the same; a click shows each` : [name, address, kind, role].join(" ");
  const what = { control: "runs the suite", cluster: "all hosts" }[name] || kind;
  return el("th", { scope: "col", "data-host": name, title: about, ...(others.length ? { "data-group": h } : {}) },
    el("span", {}, el("b", {}, others.length ? `${name} +${others.length}` : name), el("small", {}, what)));
}

function cell(r, h, dim) {
  const kind = kindAt(r, h), td = document.createElement("td");
  if (!kind) return td;
  td.className = dim ? `${kind} dim` : kind;
  td.dataset.i = r * WIDTH + h;
  td.textContent = DATA.marks[kind][0];
  tds.set(r * WIDTH + h, td);
  return td;
}

// One table: its rows and columns with a cell that matches, and of these columns the page that is looked at.
function draw(grid, fits) {
  const { table, head, bodies } = grid;
  const fit = (r) => (h) => kindAt(r, h) && (!fits || fits[r * WIDTH + h]);
  const every = DATA.hosts.map((host, h) => h);
  const hosts = new Set();
  const seen = [];
  for (const { body, rows } of bodies) {
    let anyRow = false;
    for (const { tr, r } of rows) {
      const matching = every.filter(fit(r));
      tr.hidden = fits !== null && !matching.length;
      if (tr.hidden) continue;
      anyRow = true;
      seen.push(r);
      for (const h of fits ? matching : every) hosts.add(h);
    }
    body.hidden = !anyRow;
  }
  const all = columnsOf(every.filter((h) => hosts.has(h)), seen);
  const pages = Math.max(1, Math.ceil(all.length / DATA.most));
  grid.page = Math.min(grid.page, pages - 1);
  const columns = all.slice(grid.page * DATA.most, (grid.page + 1) * DATA.most);
  head.replaceChildren(head.cells[0], ...columns.map(columnHead));
  for (const { body, rows } of bodies) {
    body.rows[0].cells[0].colSpan = columns.length + 1;
    for (const { tr, r } of rows) {
      if (!tr.hidden) tr.replaceChildren(tr.cells[0], ...columns.map(([h]) => cell(r, h, fits !== null && !fits[r * WIDTH + h])));
    }
  }
  const few = columns.length <= 8;
  table.classList.toggle("few", few);
  table.style.setProperty("--hosts", columns.length);
  table.parentElement.classList.toggle("free", few);
  table.parentElement.hidden = hosts.size === 0;
  table.parentElement.nextElementSibling.hidden = hosts.size > 0;
  pager(grid, pages, all.length);
  return all.some((group) => group.length > 1);
}

function pager(grid, pages, columns) {
  const line = grid.table.parentElement.previousElementSibling;
  const turn = (by) => () => { grid.page += by; filter(); };
  const button = (words, by, title) => el("button", { onclick: turn(by), title, ...(pages > grid.page + by && grid.page + by >= 0 ? {} : { disabled: "" }) }, words);
  const first = grid.page * DATA.most + 1;
  line.hidden = pages === 1;
  line.replaceChildren(button("‹", -1, "Columns before"), `Columns ${first} to ${Math.min(first + DATA.most - 1, columns)} of ${columns}`, button("›", 1, "Columns after"));
}

function filter() {
  const fits = matchingCells();
  const at = document.querySelector("td.at")?.dataset.i;
  tds.clear();
  const anyFolded = grids.map((grid) => draw(grid, fits)).some(Boolean);
  tds.get(Number(at))?.classList.add("at");
  [...document.querySelectorAll(".finding")].forEach((finding, n) => {
    finding.hidden = fits !== null && !DATA.findings[n].some((i) => fits[i]);
  });
  for (const lane of document.querySelectorAll(".lanes > svg")) {
    const none = fits !== null && ![...lane.querySelectorAll("[data-i]")].some((bar) => fits[bar.dataset.i]);
    lane.toggleAttribute("hidden", none);
    lane.previousElementSibling.hidden = none;
  }
  for (const group of document.querySelectorAll(".group")) group.hidden = !group.querySelector(".finding:not([hidden])");
  foldButton.textContent = folded ? "Show every host" : "Fold identical hosts";
  foldButton.hidden = WIDTH <= DATA.many || (folded && !anyFolded);
  clearButton.hidden = fits === null;
  const found = fits ? fits.reduce((sum, one) => sum + one, 0) : 0;
  clearButton.textContent = fits ? `Clear (${found.toLocaleString("en")} of ${total.toLocaleString("en")})` : "";
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

function unfold(h) {
  opened.add(h);
  filter();
}
