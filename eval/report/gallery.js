"use strict";
// The gallery: a card an example, filters, order, and one slider for all.
(function () {
  if (!GALLERY) return;
  const form = document.getElementById("filters");
  const list = document.getElementById("cards");
  const count = document.getElementById("count");
  list.classList.toggle("colour", GALLERY.channels !== 1);
  const cards = GALLERY.examples.map((example) => makeCard({ ...example, ...GALLERY.images.examples[example.image] }));

  function makeCard(example) {
    const item = document.createElement("li");
    const { width, height, factor } = GALLERY.images;
    const frame = item.appendChild(document.createElement("div"));
    frame.className = "frame";
    const canvas = frame.appendChild(document.createElement("canvas"));
    canvas.width = Math.ceil(width / factor);
    canvas.height = Math.ceil(height / factor);
    canvas.tabIndex = 0;
    // Not "img": a screen reader would keep the arrow keys for itself.
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-roledescription", "image");
    const marks = ["pixel", "group"].map((kind) => {
      const mark = frame.appendChild(document.createElement("div"));
      mark.className = `mark ${kind}`;
      return mark;
    });
    const slider = item.appendChild(document.createElement("input"));
    Object.assign(slider, { type: "range", min: 0, max: 2, step: 0.05, value: 1 });
    const title = `${GALLERY.labels[example.label]} → ${GALLERY.targets[example.target]}`;
    slider.setAttribute("aria-label", `${title}: from original over adversarial to perturbation`);
    const view = item.appendChild(document.createElement("span"));
    view.className = "view";
    const caption = item.appendChild(document.createElement("div"));
    caption.className = "caption";
    const strong = caption.appendChild(document.createElement("strong"));
    strong.textContent = title;
    if (!example.success) {
      const failed = caption.appendChild(document.createElement("span"));
      failed.className = "failed";
      failed.textContent = " failed";
    }
    const told = (GALLERY.attacks.length > 1 ? `${GALLERY.attacks[example.attack]}: ` : "") + example.text;
    // What is read off the image stands in place of the facts meanwhile, so that nothing moves.
    const readout = caption.appendChild(document.createElement("output"));
    readout.className = "readout";
    const line = caption.appendChild(document.createElement("span"));
    line.className = "facts-line";
    line.textContent = told;

    const card = { example, item, slider, stack: null, wanted: false };
    let cursor = null;

    card.show = (position) => {
      slider.value = position;
      const name = nameOf(Number(slider.value));
      slider.setAttribute("aria-valuetext", name);
      view.textContent = name;
      canvas.setAttribute(
        "aria-label",
        `${name}: ${title}, ${example.success ? "successful" : "failed"}, ${told}. Arrow keys read pixels.`,
      );
      if (card.stack) drawStack(canvas, card.stack, Number(slider.value));
    };
    card.load = async () => {
      if (card.wanted) return;
      card.wanted = true;
      card.stack = await stackOf(example);
      card.show(slider.value);
    };
    const place = (mark, row, column, size) => {
      const [down, across] = [100 / canvas.height, 100 / canvas.width];
      Object.assign(mark.style, {
        top: `${row * down}%`, left: `${column * across}%`, height: `${Math.min(size, canvas.height - row) * down}%`,
        width: `${Math.min(size, canvas.width - column) * across}%`,
      });
    };
    const read = (row, column) => {
      if (!card.stack) return;
      cursor = [Math.max(0, Math.min(canvas.height - 1, row)), Math.max(0, Math.min(canvas.width - 1, column))];
      const found = describe(example, card.stack, ...cursor);
      readout.textContent = found.text;
      place(marks[0], ...cursor, 1);
      const size = (GALLERY.group_size || 0) / factor;
      place(marks[1], found.group[0] * size, found.group[1] * size, size);
      frame.classList.add("marked");
    };
    const leave = () => {
      cursor = null;
      readout.textContent = "";
      frame.classList.remove("marked");
    };
    slider.addEventListener("input", () => card.show(slider.value));
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      read(
        Math.floor(((event.clientY - box.top) / box.height) * canvas.height),
        Math.floor(((event.clientX - box.left) / box.width) * canvas.width),
      );
    });
    canvas.addEventListener("pointerleave", leave);
    canvas.addEventListener("blur", leave);
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      if (event.key === "Escape") return leave();
      if (!(event.key in steps)) return undefined;
      event.preventDefault();
      const [down, across] = steps[event.key];
      const [row, column] = cursor ?? [Math.floor(canvas.height / 2) - down, Math.floor(canvas.width / 2) - across];
      return read(row + down, column + across);
    });
    card.show(1);
    return card;
  }

  const named = (names) => [["", "all"], ...names.map((name, number) => [number, name])];
  fillSelect(form.elements.label, named(GALLERY.labels));
  fillSelect(form.elements.target, named(GALLERY.targets));
  fillSelect(form.elements.attack, named(GALLERY.attacks));
  fillSelect(form.elements.success, [["", "all"], ["1", "successful"], ["0", "failed"]]);
  const orders = Object.entries(GALLERY.measures).flatMap(([key, name]) => [[`${key} 1`, `least ${name}`], [`${key} -1`, `most ${name}`]]);
  fillSelect(form.elements.order, [["", "as attacked"], ...orders]);
  form.elements.attack.parentElement.hidden = GALLERY.attacks.length < 2;

  function filter() {
    const wanted = ["label", "target", "attack", "success"].map((name) => [name, form.elements[name].value]);
    let shown = 0;
    for (const { example, item } of cards) {
      item.hidden = wanted.some(([name, value]) => value !== "" && Number(example[name]) !== Number(value));
      shown += !item.hidden;
    }
    count.textContent = `${shown} of ${cards.length} examples shown`;
  }
  function order() {
    const [key, direction] = form.elements.order.value.split(" ");
    const sorted = key ? [...cards].sort((a, b) => direction * (a.example[key] - b.example[key])) : cards;
    list.replaceChildren(...sorted.map(({ item }) => item));
  }
  function view() {
    const slider = form.elements.view;
    slider.setAttribute("aria-valuetext", nameOf(Number(slider.value)));
    for (const card of cards) card.show(slider.value);
  }
  function size() {
    document.documentElement.style.setProperty("--card", `${form.elements.size.value}px`);
  }
  const filters = new Set(["label", "target", "attack", "success"]);
  form.addEventListener("input", ({ target }) => {
    if (filters.has(target.name)) filter();
    else ({ order, view, size })[target.name]();
  });
  form.addEventListener("reset", () => setTimeout(() => [filter, order, view, size].forEach((action) => action())));
  form.addEventListener("submit", (event) => event.preventDefault());

  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) byItem.get(entry.target).load();
  }, { rootMargin: "600px" });
  const byItem = new Map(cards.map((card) => [card.item, card]));
  order();
  filter();
  for (const { item } of cards) observer.observe(item);
})();
