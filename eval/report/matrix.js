"use strict";
// Success or a distance by label and target, as a matrix, or as a list where classes are many.
(function () {
  const matrix = DATA.matrix;
  if (!matrix) return;
  const table = document.getElementById("matrix-table");
  const measure = document.getElementById("matrix-measure");
  const attack = document.getElementById("matrix-attack");
  const scale = document.getElementById("matrix-scale");
  fillSelect(measure, Object.entries(matrix.measures));
  fillSelect(attack, matrix.attacks.map((name, number) => [number, name]));
  attack.parentElement.hidden = matrix.attacks.length < 2;

  const element = (tag, text, scope) => {
    const made = make(tag, "", text);
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

  function cellOf(found, [least, most]) {
    const [, label, target, number, values] = found;
    const value = valueOf(values);
    const cell = element("td", format(measure.value, value));
    const reached = format("asr", values[0]);
    cell.title = `${matrix.labels[label]} → ${matrix.targets[target]}: ${number} examples, ${reached} successful`;
    cell.addEventListener("click", () => {
      const state = State.read();
      for (const [name, place] of Object.entries({ attack: attack.value, label, target })) state.set(name, place);
      for (const name of ["success", "page"]) state.delete(name);
      location.hash = `#?${state}`;
    });
    // The lowest value has a little colour too: cells without colour have no examples.
    if (value !== null) {
      const share = most > least ? (value - least) / (most - least) : 1;
      cell.style.setProperty("--share", (0.12 + 0.88 * share).toFixed(3));
    }
    return cell;
  }

  function draw() {
    const cells = matrix.cells.filter(([of]) => of === Number(attack.value));
    const known = cells.map(([, , , , values]) => valueOf(values)).filter((value) => value !== null);
    // Success is read from 0; of distances, all of which are far from it, the differences are seen.
    const range = known.length ? [measure.value === "asr" ? 0 : Math.min(...known), Math.max(...known)] : [0, 0];
    scale.hidden = known.length === 0;
    scale.replaceChildren(...range.map((value) => make("span", "", format(measure.value, value))));
    const head = document.createElement("thead");
    const body = document.createElement("tbody");
    const first = head.insertRow();
    if (matrix.sparse) {
      for (const name of ["label", "target", "examples", matrix.measures[measure.value]]) first.append(element("th", name, "col"));
      for (const found of cells) {
        const row = body.insertRow();
        row.append(element("th", matrix.labels[found[1]], "row"), element("th", matrix.targets[found[2]], "row"));
        row.append(element("td", found[3]), cellOf(found, range));
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
          row.append(found ? cellOf(found, range) : make("td", "none", ""));
        });
      });
    }
    const left = matrix.left_out ? `; of all pairs, the ${matrix.cells.length} with most examples` : "";
    const caption = `${matrix.measures[measure.value]}, ${matrix.attacks[attack.value]}${left}`;
    table.replaceChildren(element("caption", caption), head, body);
  }

  function open() {
    const state = State.read();
    attack.value = matrix.attacks[state.get("of")] === undefined ? 0 : state.get("of");
    const chosen = state.get("measure");
    measure.value = chosen in matrix.measures ? chosen : matrix.first[attack.value];
    draw();
  }
  measure.addEventListener("change", () => {
    State.write({ measure: measure.value === matrix.first[attack.value] ? "" : measure.value });
    draw();
  });
  attack.addEventListener("change", () => {
    State.write({ of: attack.value === "0" ? "" : attack.value });
    open();
  });
  addEventListener("hashchange", open);
  open();
})();
