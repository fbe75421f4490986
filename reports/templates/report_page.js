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

// ---- addresses: #H09@atlas01 a cell, #H09 a test where it went worst, #atlas01 a host

function follow() {
  let wanted;
  try { wanted = decodeURIComponent(location.hash.slice(1)); } catch { return; }
  if (!wanted) return;
  const at = wanted.lastIndexOf("@");
  const [name, host] = at < 0 ? [wanted, ""] : [wanted.slice(0, at), wanted.slice(at + 1)];
  const order = Object.keys(DATA.marks);
  const rows = [...DATA.rows.keys()].filter((r) => [DATA.rows[r].key, DATA.rows[r].name].includes(name));
  const hosts = [...DATA.hosts.keys()].filter((h) => !host || DATA.hosts[h][0] === host);
  const found = rows.flatMap((r) => hosts.map((h) => r * WIDTH + h)).filter(kindOf);
  found.sort((a, b) => order.indexOf(kindOf(a)) - order.indexOf(kindOf(b)));
  if (found.length) {
    show(found[0]);
    tds.get(found[0])?.scrollIntoView({ block: "center", inline: "nearest" });
  } else if (DATA.hosts.some(([known]) => known === (host || name))) {
    document.getElementById("host").value = `host:${host || name}`;
    filter();
  }
}
addEventListener("hashchange", follow);
follow();
const first = [...tds.keys()].find((i) => RED.has(kindOf(i))) ?? [...tds.keys()][0];
if (first !== undefined) aim(tds.get(first));
