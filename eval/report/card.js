"use strict";
// The card of an example: original, adversarial and change side by side, or a slider that fades between them; the
// network's predictions, the measures, and the values of a pixel.
const PANELS = ["original", "adversarial", "change"];

function formatMeasure(name, value) {
  if (value === null) return "–";
  return value.toFixed(name === "l2" || name === "linf" ? 3 : name === "l1" ? 1 : 0);
}

function formatShare(share) {
  if (share > 0.9995) return "100 %";
  return share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

const titleOf = (example) => `${GALLERY.labels[example.label]} → ${GALLERY.targets[example.target]}`;

// The network's prediction for the original (0) or the adversarial image (1): [class, probability], or null.
function seenBy(example, side) {
  if (!example.seen) return null;
  const [number, share] = example.seen[side];
  return [GALLERY.classes[number], formatShare(share)];
}

function captionOf(example, panel) {
  const caption = make("figcaption");
  caption.append(make("span", "kind", PANELS[panel]));
  const seen = panel < 2 ? seenBy(example, panel) : ["±" + example.limit.toFixed(3), example.success ? "at most" : ""];
  if (panel === 2 && !example.success) seen[0] = "none kept";
  if (seen) {
    const name = make("b", "", seen[0]);
    name.title = seen[0];
    caption.append(name, make("span", "share", seen[1]));
  }
  if (panel === 0 && seen) {
    caption.append(make("span", "seen", `seen as ${seen.join(" ")}, then as ${seenBy(example, 1).join(" ")}`));
  }
  return caption;
}

function measuresOf(example) {
  const table = make("table", "measures");
  const head = table.createTHead().insertRow();
  const row = table.createTBody().insertRow();
  for (const [name, title] of Object.entries(GALLERY.measures)) {
    if (name === "gradients" && example[name] === null) continue;
    const heading = make("th", "", title);
    heading.scope = "col";
    head.append(heading);
    row.insertCell().textContent = formatMeasure(name, example[name]);
  }
  return table;
}

function summaryOf(example) {
  const seen = [0, 1].map((side) => seenBy(example, side));
  const predicted = seen[0] ? [`seen as ${seen[0].join(" ")}, then as ${seen[1].join(" ")}`] : [];
  const measured = Object.entries(GALLERY.measures).map(([name, title]) => `${title} ${formatMeasure(name, example[name])}`);
  return [...predicted, ...(example.success ? measured : [])].join(", ");
}

// The card of an example; it names the attack if there are `several`.
function makeCard(example, several) {
  const item = make("article", example.success ? "card" : "card unsuccessful");
  const { width, height, factor } = GALLERY.images;
  const heading = item.appendChild(make("header"));
  if (several) {
    const dot = make("span", example.attack >= 6 ? "dot ring" : "dot");
    dot.style.setProperty("--c", `var(--series-${example.attack % 6})`);
    const name = make("strong", "attack");
    name.append(dot, GALLERY.attacks[example.attack]);
    heading.append(name);
  } else {
    heading.append(pairOf(example));
  }
  heading.append(make("span", example.success ? "succeeded" : "failed", example.success ? "success" : "failed"));

  const stage = item.appendChild(make("div", "stage"));
  stage.tabIndex = 0;
  // Not "img": a screen reader would keep the arrow keys for itself.
  stage.setAttribute("role", "application");
  stage.setAttribute("aria-roledescription", "images");
  const frames = PANELS.map((_, panel) => {
    const figure = stage.appendChild(make("figure"));
    const frame = figure.appendChild(make("div", "frame"));
    const canvas = frame.appendChild(make("canvas"));
    canvas.width = Math.ceil(width / factor);
    canvas.height = Math.ceil(height / factor);
    const marks = ["pixel", "group"].map((kind) => frame.appendChild(make("div", `mark ${kind}`)));
    figure.append(captionOf(example, panel));
    return { figure, canvas, marks };
  });
  const slider = item.appendChild(make("input"));
  Object.assign(slider, { type: "range", min: 0, max: 2, step: 0.05, value: 1 });
  slider.setAttribute("aria-label", `${titleOf(example)}: from original over adversarial to change`);
  const below = item.appendChild(make("div", "below"));
  below.append(measuresOf(example));
  const readout = below.appendChild(make("output", "readout"));

  const card = { example, item, stack: null, wanted: false, sliding: false };
  let cursor = null;
  const outcome = example.success ? "successful" : "failed";
  const attack = several ? `${GALLERY.attacks[example.attack]}, ` : "";

  card.show = (position) => {
    slider.value = position;
    const name = nameOf(Number(slider.value));
    slider.setAttribute("aria-valuetext", name);
    const shown = card.sliding ? name : "original, adversarial, change";
    stage.setAttribute(
      "aria-label", `${shown}: ${titleOf(example)}, ${attack}${outcome}, ${summaryOf(example)}. Arrow keys read pixels, Enter changes the view.`,
    );
    item.querySelector("figure .kind").textContent = card.sliding ? name : PANELS[0];
    if (!card.stack) return;
    if (card.sliding) drawStack(frames[0].canvas, card.stack, Number(slider.value));
    else frames.forEach(({ canvas }, panel) => drawStack(canvas, card.stack, panel));
  };
  card.slide = (sliding) => {
    card.sliding = sliding;
    item.classList.toggle("sliding", sliding);
    slider.hidden = !sliding;
    card.show(slider.value);
  };
  card.load = async () => {
    if (card.wanted) return;
    card.wanted = true;
    await card.draw();
  };
  card.draw = async () => {
    if (!card.wanted) return;
    card.stack = await stackOf(example);
    card.show(slider.value);
  };
  const place = (mark, canvas, row, column, size) => {
    const [down, across] = [100 / canvas.height, 100 / canvas.width];
    Object.assign(mark.style, {
      top: `${row * down}%`, left: `${column * across}%`, height: `${Math.min(size, canvas.height - row) * down}%`,
      width: `${Math.min(size, canvas.width - column) * across}%`,
    });
  };
  const read = (row, column) => {
    if (!card.stack) return;
    const size = (GALLERY.group_size || 0) / factor;
    const { height: rows, width: columns } = frames[0].canvas;
    cursor = [Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(columns - 1, column))];
    const found = describe(example, card.stack, ...cursor);
    readout.textContent = found.text;
    for (const { canvas, marks } of frames) {
      place(marks[0], canvas, ...cursor, 1);
      place(marks[1], canvas, found.group[0] * size, found.group[1] * size, size);
    }
    item.classList.add("marked");
  };
  const leave = () => {
    cursor = null;
    readout.textContent = "";
    item.classList.remove("marked");
  };
  slider.addEventListener("input", () => card.show(slider.value));
  for (const { canvas } of frames) {
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      read(
        Math.floor(((event.clientY - box.top) / box.height) * canvas.height),
        Math.floor(((event.clientX - box.left) / box.width) * canvas.width),
      );
    });
    canvas.addEventListener("pointerleave", leave);
  }
  stage.addEventListener("blur", leave);
  stage.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key === "Escape") return leave();
    if (event.key === "Enter") return card.slide(!card.sliding);
    if (!(event.key in steps)) return undefined;
    event.preventDefault();
    const [down, across] = steps[event.key];
    const { canvas } = frames[0];
    const [row, column] = cursor ?? [Math.floor(canvas.height / 2) - down, Math.floor(canvas.width / 2) - across];
    return read(row + down, column + across);
  });
  card.slide(false);
  return card;
}

// "label 3 → target 8", the names in bold.
function pairOf(example) {
  const pair = make("span", "pair");
  const target = GALLERY.targets[example.target];
  pair.append("label ", make("strong", "", GALLERY.labels[example.label]), " → ");
  if (target !== "untargeted") pair.append("target ");
  pair.append(make("strong", "", target));
  return pair;
}
