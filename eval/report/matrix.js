"use strict";
// Success or a distance by label and target, as a matrix, or as a list where classes are many.
(function () {
  const matrix = DATA.matrix;
  if (!matrix) return;
  const table = document.getElementById("matrix-table");
  const measure = document.getElementById("matrix-measure");
  const attack = document.getElementById("matrix-attack");
  fillSelect(measure, Object.entries(matrix.measures));
  fillSelect(attack, matrix.attacks.map((name, number) => [number, name]));
  attack.parentElement.hidden = matrix.attacks.length < 2;

  const element = (tag, text, scope) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (scope) made.scope = scope;
    return made;
  };

  const places = Object.keys(matrix.measures);
  const valueOf = (values) => values[places.indexOf(measure.value)];
  const format = (name, value) => {
    if (value === null) return "-";
    if (name === "asr") return `${(100 * value).toFixed(1)} %`;
    return value.toFixed(name === "l2" || name === "linf" ? 3 : 1);
  };

  function cellOf(found, top) {
    const [, label, target, number, values] = found;
    const value = valueOf(values);
    const cell = element("td", format(measure.value, value));
    const reached = format("asr", values[0]);
    cell.title = `${matrix.labels[label]} → ${matrix.targets[target]}: ${number} examples, ${reached} successful`;
    if (value !== null && top > 0) cell.style.setProperty("--share", (value / top).toFixed(3));
    return cell;
  }

  function draw() {
    const cells = matrix.cells.filter(([of]) => of === Number(attack.value));
    const top = Math.max(0, ...cells.map(([, , , , values]) => valueOf(values) ?? 0));
    const head = document.createElement("thead");
    const body = document.createElement("tbody");
    const first = head.insertRow();
    if (matrix.sparse) {
      for (const name of ["label", "target", "examples", matrix.measures[measure.value]]) first.append(element("th", name, "col"));
      for (const found of cells) {
        const row = body.insertRow();
        row.append(element("th", matrix.labels[found[1]], "row"), element("th", matrix.targets[found[2]], "row"));
        row.append(element("td", found[3]), cellOf(found, top));
      }
    } else {
      const corner = element("th", "label \\ target");
      corner.className = "corner";
      first.append(corner, ...matrix.targets.map((name) => element("th", name, "col")));
      const byPlace = new Map(cells.map((found) => [`${found[1]} ${found[2]}`, found]));
      matrix.labels.forEach((name, label) => {
        const row = body.insertRow();
        row.append(element("th", name, "row"));
        matrix.targets.forEach((_, target) => {
          const found = byPlace.get(`${label} ${target}`);
          row.append(found ? cellOf(found, top) : element("td", ""));
        });
      });
    }
    const left = matrix.left_out ? `; of all pairs, the ${matrix.cells.length} with most examples` : "";
    const caption = `${matrix.measures[measure.value]}, ${matrix.attacks[attack.value]}${left}`;
    table.replaceChildren(element("caption", caption), head, body);
  }
  measure.addEventListener("change", draw);
  attack.addEventListener("change", draw);
  draw();
})();
