// The page: controls to address, address to state, state to charts.
"use strict";

(() => {
  const { explorerData: data, explorerState: states, explorerCharts: charts } = globalThis;
  const byId = (id) => document.getElementById(id);
  const { factors } = data;
  const controls = factors.map((factor) => byId(`control-${factor.name}`));
  const width = () => document.querySelector(".charts").clientWidth;
  let drawnAt = 0;
  let state = states.read(location.hash, factors, data.start);

  function element(tag, attributes, ...content) {
    const made = document.createElement(tag);
    made.append(...content);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    return made;
  }

  function table(caption, header, rows) {
    const heads = header.map((text) => element("th", { scope: "col" }, String(text)));
    const body = rows.map(([first, ...cells]) =>
      element("tr", {}, element("th", { scope: "row" }, first), ...cells.map((cell) => element("td", {}, cell))));
    return element("table", { class: "contenders" }, element("caption", { class: "hidden" }, caption),
      element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...body));
  }

  const letter = (name) => element("span", { class: `letter ${name.toLowerCase()}` }, name);

  /** A and, where one is pinned, B, as far as they were measured. */
  function series() {
    return [["A", "var(--a)", state.shown], ["B", "var(--b)", state.pinned]]
      .filter(([, , setting]) => setting && states.find(data, setting))
      .map(([name, colour, setting]) => ({ name, colour, setting, entry: states.find(data, setting) }));
  }

  function scoreCard({ name, setting, entry }) {
    const [mean, low, high] = entry.score;
    const { networks } = entry;
    const failed = networks.filter((n) => n.outcome !== "completed");
    const isGuess = failed.length === networks.length;
    const reach = low === null ? "no interval from so few seeds" : `95 % interval ${charts.share(low)} to ${charts.share(high)}`;
    const facts = [
      isGuess ? "chance" : reach,
      `${networks.length} seed${networks.length === 1 ? "" : "s"}`,
      `${networks[0].parameters} parameters`,
      ...(failed.length ? [`${failed.length} of ${networks.length} ${[...new Set(failed.map((n) => n.outcome.replace("dead", "died")))].join(" or ")}`] : []),
    ];
    const score = element("p", { class: "score" }, letter(name), " ", element("strong", {}, charts.share(mean)));
    const words = element("p", { class: "small" }, states.describe(factors, setting));
    return element("div", { class: "score-card" }, score, element("p", { class: "facts-line" }, facts.join("; ")), words);
  }

  /** A less B by seed; settings on one data set share its rows, so that seeds are paired. */
  function difference([a, b]) {
    if (!b || a.setting[0] !== b.setting[0]) return [];
    const other = new Map(b.entry.networks.map((n) => [n.split, n.score]));
    const pairs = a.entry.networks.filter((n) => other.has(n.split)).map((n) => n.score - other.get(n.split));
    if (!pairs.length) return [];
    const signed = (v) => `${v > 0 ? "+" : v < 0 ? "−" : ""}${charts.share(Math.abs(v))}`;
    const mean = pairs.reduce((sum, v) => sum + v, 0) / pairs.length;
    return [element("p", { class: "difference" }, `A less B: ${signed(mean)} (seed by seed ${pairs.map(signed).join(", ")})`)];
  }

  function showScores(shown) {
    byId("scores").replaceChildren(...shown.map(scoreCard), ...difference(shown));
    const rows = shown.flatMap(({ name, entry }) => entry.networks.map((n) =>
      [`${name}, ${charts.seedName(n)}`, charts.share(n.score), n.outcome, element("code", {}, `leadline show ${n.id}`)]));
    byId("networks").replaceChildren(table("Networks", ["Network", "Test accuracy", "Outcome", "All of it"], rows));
  }

  /** Which colour is which setting, in the words in which they differ. */
  function legend([a, b]) {
    const entry = (own, other) => element("span", {}, letter(own.name), ` ${states.describe(factors, own.setting, other.setting)}`);
    return b ? [entry(a, b), entry(b, a)] : [];
  }

  function showChart(id, shown, chart) {
    const figure = byId(id);
    const panels = chart.plots.map((plot, i) => {
      plot.setAttribute("aria-hidden", "true");
      const label = chart.labels ? [element("span", { class: "panel-label" }, chart.labels[i])] : [];
      return element("div", { class: "panel" }, ...label, plot);
    });
    figure.hidden = panels.length === 0;
    figure.querySelector(".legend").replaceChildren(...legend(shown));
    figure.querySelector(".drawing").replaceChildren(...panels);
    figure.querySelector(".scroll").replaceChildren(table(byId(`${id}-title`).textContent, chart.header, chart.rows));
    byId(`${id}-summary`).textContent = chart.summary;
  }

  function draw() {
    const shown = series();
    drawnAt = width();
    // Before the browser has laid the page out there is no room to draw in.
    if (!shown.length || drawnAt < 150) return;
    const page = document.querySelector(".explorer");
    const room = (id) => byId(id).clientWidth - 34;
    const columns = room("around") > 700 ? 3 : 2;
    const style = getComputedStyle(page);
    const named = [["first", "--first"], ["second", "--second"], ["middle", "--middle"], ["firstDot", "--first-dot"],
      ["secondDot", "--second-dot"], ["paper", "--paper"], ["ink", "--ink"]];
    const colours = Object.fromEntries(named.map(([key, name]) => [key, style.getPropertyValue(name).trim()]));
    page.style.setProperty("--columns", columns);
    const seeds = Math.min(3, shown[0].entry.networks.length);
    const side = Math.floor(Math.min(shown.length > 1 ? 210 : 240, (room("result") - 24) / seeds));
    page.style.setProperty("--seeds", seeds);
    page.style.setProperty("--side", `${side}px`);
    showChart("boundary", shown, charts.boundary(data, shown, side, colours));
    for (const metric of ["accuracy", "loss"]) showChart(metric, shown, charts.curves(data, shown, metric, room(metric), 250));
    showChart("gradient", shown, charts.gradient(shown, room("gradient"), 250));
    showChart("around", shown, charts.around(data, shown, Math.floor((room("around") - 12 * (columns - 1)) / columns), 150));
  }

  function showControls() {
    controls.forEach((control, i) => {
      const text = factors[i].labels[state.shown[i]];
      control.value = state.shown[i];
      if (control.type !== "range") return;
      control.setAttribute("aria-valuetext", text);
      byId(`value-${factors[i].name}`).value = text;
    });
    byId("pinned").hidden = !state.pinned;
    byId("pin").textContent = state.pinned ? "Pin this as B instead" : "Pin this to compare";
    byId("pinned-setting").textContent = state.pinned ? states.describe(factors, state.pinned) : "";
  }

  function showMessage(shown) {
    const unknown = state.unknown.map((name) => `This link names ${name}, which was not measured; the page’s own choice stands in its place.`);
    const missing = shown.length < (state.pinned ? 2 : 1) ? ["A setting is not trained yet."] : [];
    byId("message").textContent = [...unknown, ...missing].join(" ");
    byId("message").hidden = unknown.length + missing.length === 0;
  }

  function show(next) {
    state = { unknown: [], ...next };
    const shown = series();
    showControls();
    showMessage(shown);
    showScores(shown);
    draw();
  }

  /** A change is a step of the browser's history; `hashchange` shows it. */
  function go(next) {
    location.hash = states.write(next, factors);
  }

  const chosen = () => ({ shown: controls.map((control) => Number(control.value)), pinned: state.pinned });
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("controls").addEventListener("input", () => show(chosen()));
  byId("controls").addEventListener("change", () => go(chosen()));
  byId("pin").addEventListener("click", () => go({ shown: state.shown, pinned: state.shown }));
  byId("swap").addEventListener("click", () => go({ shown: state.pinned, pinned: state.shown }));
  byId("unpin").addEventListener("click", () => {
    byId("pin").focus();
    go({ shown: state.shown, pinned: null });
  });
  addEventListener("hashchange", () => {
    // A control's own change is shown already.
    if (location.hash !== states.write(state, factors)) show(states.read(location.hash, factors, data.start));
  });
  new ResizeObserver(() => width() === drawnAt || draw()).observe(document.querySelector(".charts"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  show(state);
})();
