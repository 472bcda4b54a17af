"use strict";
// Tables are sorted by a click, or Enter, on a heading; empty cells stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const valueOf = (row, column) => {
    const text = row.cells[column].dataset.value;
    return text === undefined ? null : text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
  };
  const compare = (a, b, direction) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return direction * (a - b);
    return direction * String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const direction = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      // A row of the paper stays below ours.
      const blocks = [];
      for (const row of body.rows) {
        if (row.classList.contains("paper") && blocks.length) blocks.at(-1).push(row);
        else blocks.push([row]);
      }
      blocks.sort(([a], [b]) => compare(valueOf(a, column), valueOf(b, column), direction));
      body.append(...blocks.flat());
    });
  });
}
