// The page as a whole, after report.js has made its table: paper, colours, addresses.

// On paper everything is open, and a wide table is made to fit.
const PAPER = 1030;  // px across an A4 page on its side
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    details.dataset.shut = "";
  }
  for (const table of tables) table.parentElement.style.setProperty("--shrink", Math.min(1, PAPER / (400 + 14 * table.style.getPropertyValue("--hosts"))));
});
addEventListener("afterprint", () => {
  for (const details of document.querySelectorAll("details[data-shut]")) {
    details.open = false;
    delete details.dataset.shut;
  }
});

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
for (const table of tables) table.parentElement.classList.remove("late");

// ---- addresses: #H09@atlas01 a cell, #H09 a test where it went worst, #atlas01 a host

function follow() {
  let wanted;
  try { wanted = decodeURIComponent(location.hash.slice(1)); } catch { return; }
  if (!wanted) return;
  const at = wanted.lastIndexOf("@");
  const [name, host] = at < 0 ? [wanted, ""] : [wanted.slice(0, at), wanted.slice(at + 1)];
  const order = Object.keys(DATA.marks);
  const is = (row) => [row.key, row.name].includes(name);
  const found = DATA.cells.map((cell, i) => i).filter((i) => is(DATA.rows[DATA.cells[i][0]]) && (!host || DATA.hosts[DATA.cells[i][1]][0] === host));
  found.sort((a, b) => order.indexOf(DATA.cells[a][2]) - order.indexOf(DATA.cells[b][2]));
  if (found.length) {
    show(found[0]);
    tds[found[0]].scrollIntoView({ block: "center", inline: "nearest" });
  } else if (DATA.hosts.some(([known]) => known === (host || name))) {
    document.getElementById("host").value = `host:${host || name}`;
    filter();
  }
}
addEventListener("hashchange", follow);
follow();
const first = tds.find((td, i) => RED.has(DATA.cells[i][2])) || tds[0];
if (first) aim(first);
