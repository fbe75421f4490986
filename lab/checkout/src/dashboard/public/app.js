"use strict";
// Shows what /api/clusters answers. Text is set as text: nothing of an answer becomes markup.

function element(tag, text, ...children) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function table(head, rows) {
  const line = (cells, tag) => element("tr", "", ...cells.map((cell) => element(tag, String(cell))));
  return element("table", "", element("thead", "", line(head, "th")), element("tbody", "", ...rows.map((row) => line(row, "td"))));
}

function cluster(found) {
  const section = element("section", "", element("h2", found.name));
  if (found.error) {
    const words = element("p", found.error);
    words.className = "error";
    section.append(words);
    return section;
  }
  const devices = Object.entries(found.devices);
  section.append(
    element("p", "Virtual clusters: " + found.vcs.join(", ")),
    table(["Machine", "Ready", "Devices"], found.nodes.map((node) => [node.name, node.ready ? "yes" : "no", node.gpuType || "none"])),
    table(["Device type", "Resource", "Devices"], devices.map(([kind, one]) => [kind, one.deviceStr, one.capacity])),
  );
  return section;
}

async function show() {
  const main = document.getElementById("clusters");
  try {
    const answer = await fetch("/api/clusters");
    const found = await answer.json();
    main.replaceChildren(...found.clusters.map(cluster));
    const buttons = found.signIn.map((kind) => element("button", "Sign in with " + kind));
    document.getElementById("sign-in").replaceChildren(...buttons);
  } catch (error) {
    main.replaceChildren(element("p", "No answer: " + error));
  }
}

show();
