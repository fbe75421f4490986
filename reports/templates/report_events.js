// Clicks and keys.

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-i]");
  const head = event.target.closest("thead th[data-host]");
  const area = event.target.closest("[data-area]");
  if (head && head.dataset.group) unfold(Number(head.dataset.group));
  else if (head) only("host", `host:${head.dataset.host}`);
  else if (area) only("area", area.dataset.area);
  else if (target) show(Number(target.dataset.i), target);
  else if (!panel.hidden && !panel.contains(event.target) && event.target.isConnected) close();
});

const isSeen = (td) => td && td.dataset.i && td.getClientRects().length > 0 && !td.classList.contains("dim");

// Make a cell the only one that the Tab key reaches; the arrow keys move on from it.
function aim(td) {
  for (const old of document.querySelectorAll("td[tabindex]")) old.removeAttribute("tabindex");
  const [r, h] = place(Number(td.dataset.i));
  const kind = kindAt(r, h);
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
  const red = [...tds.keys()].filter((i) => RED.has(kindOf(i)) && isSeen(tds.get(i))).sort((a, b) => a - b).map((i) => tds.get(i));
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
  const cell = event.target.closest("td[data-i]") || (panel.hidden ? null : tds.get(shown));
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
foldButton.addEventListener("click", () => { folded = !folded; opened.clear(); filter(); });
const bar = document.querySelector(".bar");
new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);
