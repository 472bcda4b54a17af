"use strict";
// What the rest of the page uses: its data, its state as part of its address, its contents, its button to copy.
const DATA = JSON.parse(document.getElementById("data").textContent);

// What is chosen on the page, as "#?label=3&order=l2+1": a link to it opens the same view. Links within the page do
// not change it.
const State = {
  read: () => new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : ""),
  // Applies `changes` to the state; "" and null remove a name.
  write(changes) {
    const state = State.read();
    for (const [name, value] of Object.entries(changes)) {
      if (value === "" || value === null) state.delete(name);
      else state.set(name, value);
    }
    const text = state.toString();
    history.replaceState(null, "", text ? `#?${text}` : location.href.split("#")[0]);
  },
};

// Fills a <select> with [value, text] pairs.
function fillSelect(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
}

// Makes an element, with its class and its text.
function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function goTo(section) {
  section.tabIndex = -1;
  section.focus({ preventScroll: true });
  section.scrollIntoView();
}

(function () {
  const contents = document.getElementById("contents");
  const sections = [...document.querySelectorAll("main > section")];
  contents.hidden = sections.length < 2;
  for (const section of sections) {
    const link = make("a", "", section.querySelector("h2").textContent);
    link.href = `#${section.id}`;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      goTo(section);
    });
    contents.append(link);
  }
  const copy = document.getElementById("copy");
  const code = document.getElementById("command");
  copy.addEventListener("click", async () => {
    getSelection().selectAllChildren(code);
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Selected"; // where pages may not write to the clipboard
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
})();
