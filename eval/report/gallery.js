"use strict";
// The gallery: which examples are shown, in which order, a page of them at a time, the attacks on one next to each other.
(function () {
  if (!GALLERY) return;
  const ON_A_PAGE = 60;
  const form = document.getElementById("filters");
  const list = document.getElementById("cards");
  const count = document.getElementById("count");
  const pagers = [...document.querySelectorAll("#gallery .pager")];
  const fields = form.elements;
  const several = GALLERY.attacks.length > 1;
  const examples = GALLERY.examples.map((example) => ({ ...example, ...GALLERY.images.examples[example.image] }));
  const cards = new Map(); // by image: a card is made when its page is first seen
  const FILTERS = ["label", "target", "attack", "success"];
  const { width, height } = GALLERY.images;
  const SIZE = String(Math.max(width, height) > 64 ? 172 : 112);
  let page = 1;
  list.classList.toggle("several", several);
  list.classList.toggle("stacked", width > 2.5 * height);

  const named = (names) => [["", "all"], ...names.map((name, number) => [number, name])];
  fillSelect(fields.label, named(GALLERY.labels));
  fillSelect(fields.target, named(GALLERY.targets));
  fillSelect(fields.attack, named(GALLERY.attacks));
  fillSelect(fields.success, [["", "all"], ["1", "successful"], ["0", "failed"]]);
  const orders = Object.entries(GALLERY.measures).flatMap(([key, name]) => [[`${key} 1`, `least ${name}`], [`${key} -1`, `most ${name}`]]);
  fillSelect(fields.order, [["", "as attacked"], ...orders]);
  fields.attack.parentElement.hidden = !several;
  fields.size.setAttribute("value", SIZE); // where Reset goes
  fields.size.value = SIZE;

  const fits = (example, besides) => FILTERS.every(
    (name) => name === besides || fields[name].value === "" || Number(example[name]) === Number(fields[name].value),
  );

  // Only classes that occur, given the other filters, can be chosen.
  function offer() {
    for (const name of ["label", "target"]) {
      const there = new Set(examples.filter((example) => fits(example, name)).map((example) => example[name]));
      for (const option of fields[name].options) option.disabled = option.value !== "" && !there.has(Number(option.value));
    }
  }

  // The examples that fit, those of several attacks on the same image and target together, in the order that is chosen
  // for. A failed one has no distance, and comes last in either direction.
  function grouped() {
    const byExample = new Map();
    for (const example of examples) {
      if (!fits(example)) continue;
      if (!byExample.has(example.example)) byExample.set(example.example, []);
      byExample.get(example.example).push(example);
    }
    const groups = [...byExample.values()];
    const [key, direction] = fields.order.value.split(" ");
    if (!key) return groups;
    const valueOf = (group) => {
      const known = group.filter(({ success }) => success).map((example) => example[key]).filter((value) => value !== null);
      return known.length ? (direction > 0 ? Math.min(...known) : Math.max(...known)) : null;
    };
    const valued = groups.map((group) => [valueOf(group), group]);
    valued.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : direction * (a - b)));
    return valued.map(([, group]) => group);
  }

  function cardOf(example) {
    if (!cards.has(example.image)) cards.set(example.image, makeCard(example, several));
    return cards.get(example.image);
  }

  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) byItem.get(entry.target).load();
  }, { rootMargin: "600px" });
  const byItem = new Map();

  function itemOf(group) {
    const item = make("li");
    if (several) item.append(pairOf(group[0]));
    const row = item.appendChild(make("div", "attacks"));
    for (const example of group) {
      const card = cardOf(example);
      if (card.sliding !== (fields.view.value === "slider")) card.slide(!card.sliding);
      byItem.set(card.item, card);
      observer.observe(card.item);
      row.append(card.item);
    }
    return item;
  }

  function render() {
    const groups = grouped();
    const most = Math.max(1, ...groups.map((group) => group.length));
    const size = Math.max(1, Math.floor(ON_A_PAGE / most));
    const pages = Math.max(1, Math.ceil(groups.length / size));
    page = Math.max(1, Math.min(pages, page));
    const shown = groups.slice((page - 1) * size, page * size);
    observer.disconnect();
    list.replaceChildren(...shown.map(itemOf));
    const fitting = groups.reduce((sum, group) => sum + group.length, 0);
    count.textContent = `${fitting} of ${examples.length} examples` + (pages > 1 ? `, page ${page} of ${pages}` : "");
    for (const pager of pagers) {
      for (const button of pager.querySelectorAll("button")) {
        button.hidden = pages < 2;
        button.disabled = Number(button.dataset.step) < 0 ? page === 1 : page === pages;
      }
    }
    pagers[1].hidden = pages < 2;
    offer();
  }
  function view() {
    const sliding = fields.view.value === "slider";
    fields.all.parentElement.hidden = !sliding;
    for (const card of cards.values()) card.slide(sliding);
  }
  function slideAll() {
    fields.all.setAttribute("aria-valuetext", nameOf(Number(fields.all.value)));
    for (const card of cards.values()) card.show(fields.all.value);
  }
  function size() {
    document.documentElement.style.setProperty("--card", `${fields.size.value}px`);
  }
  function save() {
    const state = { page: page > 1 ? page : "", size: fields.size.value === SIZE ? "" : fields.size.value };
    for (const name of [...FILTERS, "order", "view"]) state[name] = fields[name].value;
    State.write(state);
  }
  function open() {
    const state = State.read();
    for (const name of [...FILTERS, "order", "view"]) {
      fields[name].value = state.get(name) ?? "";
      if (fields[name].selectedIndex < 0) fields[name].value = ""; // another report's
    }
    fields.size.value = state.get("size") ?? SIZE;
    page = Number(state.get("page")) || 1;
    size();
    view();
    render();
    return [...FILTERS, "order", "view", "page"].some((name) => state.has(name));
  }
  form.addEventListener("input", ({ target }) => {
    if (target.name === "all") return slideAll();
    if (target.name === "size") size();
    else if (target.name === "view") view();
    else {
      page = 1;
      render();
    }
    return save();
  });
  form.addEventListener("reset", () => setTimeout(() => {
    page = 1;
    size();
    view();
    render();
    save();
  }));
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const pager of pagers) {
    pager.addEventListener("click", ({ target }) => {
      if (!target.dataset.step) return;
      page += Number(target.dataset.step);
      render();
      save();
      if (pager === pagers[1]) goTo(document.getElementById("gallery"));
    });
  }
  const gallery = document.getElementById("gallery");
  addEventListener("hashchange", () => open() && gallery.scrollIntoView());
  // Links within the page, and clicks in the matrix, lead to a state of the gallery, even the one that is there.
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("a.state") && target.closest("a").hash === location.hash) gallery.scrollIntoView();
  });
  DARK.addEventListener("change", () => cards.forEach((card) => card.draw()));
  if (open()) gallery.scrollIntoView();
})();
