"use strict";

// Sorts and filters the tables of claims. What is chosen stands in the address, after the #.
(() => {
  const form = document.querySelector("form.filters");
  const tables = [...document.querySelectorAll("table.claims")];
  if (!form || !tables.length) return;

  const rows = (table) => [...table.tBodies[0].rows];
  const registered = new Map(tables.map((table) => [table, rows(table)]));
  const words = new Intl.Collator("en", { numeric: true });
  let sorted = { column: "", down: false };

  const key = (row, column) => row.querySelector(`[data-column="${column}"]`)?.dataset.sort ?? "";

  function compare(a, b) {
    const [left, right] = [key(a, sorted.column), key(b, sorted.column)];
    // What was not measured comes last, whichever way.
    if (left === "" || right === "") return (left === "") - (right === "");
    const difference = left - right;
    const order = Number.isNaN(difference) ? words.compare(left, right) : difference;
    return sorted.down ? -order : order;
  }

  function sort(table) {
    const order = [...registered.get(table)];
    if (sorted.column) order.sort(compare);
    table.tBodies[0].append(...order);
    for (const head of table.tHead.querySelectorAll("th[data-column]")) {
      const own = head.dataset.column === sorted.column;
      head.setAttribute("aria-sort", own ? (sorted.down ? "descending" : "ascending") : "none");
    }
  }

  function wanted() {
    const data = new FormData(form);
    return {
      verdicts: data.getAll("verdict"),
      experiment: data.get("experiment"),
      dataset: data.get("dataset"),
      terms: data.get("text").toLowerCase().split(/\s+/).filter(Boolean),
    };
  }

  function passes(row, want) {
    const text = row.textContent.toLowerCase();
    return (
      (!want.verdicts.length || want.verdicts.includes(row.dataset.verdict)) &&
      (!want.experiment || row.dataset.experiment === want.experiment) &&
      (!want.dataset || row.dataset.datasets.split("|").includes(want.dataset)) &&
      want.terms.every((term) => text.includes(term))
    );
  }

  function filter() {
    const want = wanted();
    const active = Object.values(want).some((value) => value.length);
    const said = tables.map((table) => {
      const all = rows(table);
      for (const row of all) row.hidden = !passes(row, want);
      const shown = all.filter((row) => !row.hidden).length;
      const folded = table.closest("details");
      if (folded && active) folded.open = shown > 0;
      return `${shown} of ${all.length} ${table.dataset.kind}`;
    });
    form.querySelector("[role=status]").textContent = `${said.join(", ")} shown.`;
  }

  function remember() {
    const state = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) state.append(name, value);
    if (sorted.column) state.set("sort", sorted.column);
    if (sorted.down) state.set("order", "descending");
    const hash = state.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  function recall() {
    const hash = location.hash.slice(1);
    if (hash && !hash.includes("=")) return; // a place on the page
    const state = new URLSearchParams(hash);
    for (const field of form.elements) {
      if (field.type === "checkbox") {
        field.checked = state.getAll(field.name).includes(field.value);
      } else if (field.name) {
        field.value = state.get(field.name) ?? "";
        if (field.selectedIndex === -1) field.selectedIndex = 0;
      }
    }
    const known = [...tables[0].querySelectorAll("thead th[data-column]")].map((h) => h.dataset.column);
    const column = state.get("sort") ?? "";
    sorted = { column: known.includes(column) ? column : "", down: state.get("order") === "descending" };
    tables.forEach(sort);
    filter();
  }

  function choose(column) {
    const again = sorted.column === column;
    // Up, down, then as registered.
    sorted = again && sorted.down ? { column: "", down: false } : { column, down: again };
    tables.forEach(sort);
    remember();
  }

  for (const head of document.querySelectorAll("table.claims thead th[data-column]")) {
    const button = document.createElement("button");
    button.type = "button";
    const label = head.querySelector(".label");
    button.append(...label.childNodes);
    label.append(button);
    button.addEventListener("click", () => choose(head.dataset.column));
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { filter(); remember(); });
  form.addEventListener("reset", () => setTimeout(() => {
    sorted = { column: "", down: false };
    tables.forEach(sort);
    filter();
    remember();
  }));
  addEventListener("hashchange", recall);
  form.hidden = false;
  recall();
  if (location.hash && !location.hash.includes("=")) filter();
})();
