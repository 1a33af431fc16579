// Charts of one or two settings: pictures, sentences that say what they show, a table of their numbers.
"use strict";

globalThis.explorerCharts = (() => {
  const { d3, Plot } = globalThis;
  // A series is {name, colour, setting, entry}: A or B, and what was measured there.
  // A style is {word, dash, values}: one line of each series; `values` gives a network's.
  // A chart is {plots, labels, summary, header, rows}.
  const share = d3.format(".3f");
  const seedName = (network) => `seed ${network.split + 1}`;
  const raised = (power) => [...String(power)].map((sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]).join("");

  /** A number with three digits; a small one by its power of ten. */
  function few(value) {
    if (value === null || value === undefined) return "–";
    if (value === 0 || Math.abs(value) >= 1e-3) return d3.format(".3~g")(value);
    const power = Math.floor(Math.log10(value) + 1e-9);
    const factor = d3.format(".2~f")(value / 10 ** power);
    return `${factor === "1" ? "" : `${factor}·`}10${raised(power)}`;
  }

  function plot(width, height, options) {
    const style = { background: "none", font: "13px var(--sans)", overflow: "visible", color: "inherit" };
    return Plot.plot({ width, height, marginBottom: 36, marginLeft: 44, style, ...options });
  }

  /** A logarithmic axis of values that names powers of ten, and three times them where there are few. */
  function logarithmic(all) {
    const [low, high] = d3.extent(all.filter((v) => v > 0), Math.log10);
    const step = Math.max(1, Math.ceil((high - low) / 6));
    const tens = d3.range(Math.floor(low), Math.ceil(high) + 1, step).map((power) => 10 ** power);
    const ticks = high - low < 2.5 ? tens.flatMap((ten) => [ten, 3 * ten]) : tens;
    const inside = ticks.filter((v) => Math.log10(v) >= low - 0.01 && Math.log10(v) <= high + 0.01);
    return { type: "log", domain: [10 ** low, 10 ** high], label: null, grid: true, ticks: inside, tickFormat: few };
  }

  /** Mean, lowest and highest over networks at each place; gaps are left out. */
  function across(networks, values, places, mean = d3.mean) {
    const measured = places.map((place, i) => [place, networks.map((n) => values(n)?.[i] ?? NaN).filter((v) => !Number.isNaN(v))]);
    return measured.filter(([, all]) => all.length).map(([place, all]) => ({ place, mean: mean(all), low: d3.min(all), high: d3.max(all) }));
  }

  const geometric = (all) => Math.exp(d3.mean(all, Math.log));

  /** A line in each style for each seed, their mean and the band that they fill. */
  function lines(series, styles, places, isDotted, mean) {
    return series.flatMap(({ entry, colour }) => styles.flatMap(({ values, dash }) => {
      const points = across(entry.networks, values, places, mean);
      const seeds = entry.networks.flatMap((n) => places.map((place, i) => ({ place, value: values(n)?.[i] ?? NaN, seed: n.split })));
      const line = { x: "place", stroke: colour, strokeDasharray: dash };
      return [
        Plot.areaY(points, { x: "place", y1: "low", y2: "high", fill: colour, fillOpacity: dash ? 0.07 : 0.16 }),
        Plot.line(seeds, { ...line, y: "value", z: "seed", strokeWidth: 1, strokeOpacity: 0.45 }),
        Plot.line(points, { ...line, y: "mean", strokeWidth: 2.4 }),
        isDotted ? Plot.dot(points, { x: "place", y: "mean", r: 4, stroke: colour, strokeWidth: 2, fill: dash ? "var(--paper)" : colour }) : null,
      ];
    }));
  }

  function lineRows(series, styles, places, mean) {
    return series.flatMap(({ name, entry }) => styles.flatMap(({ word, values }) => {
      const means = new Map(across(entry.networks, values, places, mean).map((point) => [point.place, point.mean]));
      const seeds = entry.networks.map((n) => [`${name}, ${word}, ${seedName(n)}`, ...places.map((_, i) => few(values(n)?.[i]))]);
      return [[`${name}, ${word}, mean`, ...places.map((place) => few(means.get(place)))], ...seeds];
    }));
  }

  /** Lines over places; `says` makes a sentence of a line's means. */
  function lineChart(series, styles, places, { width, height, x, y, isDotted, mean, says }) {
    const sentences = series.flatMap(({ name, entry }) =>
      styles.map(({ word, values }) => `${name}, ${word}: ${says(across(entry.networks, values, places, mean))}.`));
    return {
      plots: [plot(width, height, { x, y, marks: lines(series, styles, places, isDotted, mean) })],
      summary: sentences.join(" "),
      header: [x.label, ...places],
      rows: lineRows(series, styles, places, mean),
    };
  }

  /** Loss or accuracy by epoch. */
  function curves(data, series, metric, width, height) {
    const isLoss = metric === "loss";
    const styles = [["validation", "validation", null], ["train", "training", "4 4"]].map(([part, word, dash]) => ({
      word: `${word} ${metric}`,
      dash,
      // A loss of zero has no place on a logarithmic axis.
      values: (n) => n[`${part}_${metric}`]?.map((v) => (isLoss && v === 0 ? null : v)),
    }));
    const all = series.flatMap(({ entry }) => entry.networks.flatMap((n) => styles.flatMap(({ values }) => values(n) ?? [])));
    // Axes that hardly move tell more from setting to setting.
    const y = isLoss ? logarithmic([0.1, 1, ...all]) : { domain: [d3.min([0.4, ...all]), 1], nice: true, ticks: 5, label: null, grid: true };
    const says = (points) => (points.length ? `mean from ${few(points[0].mean)} to ${few(points.at(-1).mean)}` : "not measured");
    return lineChart(series, styles, data.epochs, { width, height, x: { label: "Epoch" }, y, isDotted: false, mean: d3.mean, says });
  }

  /** Norm of the gradient by layer, before and after training. */
  function gradient(series, width, height) {
    const styles = [["start", "before training", "4 4"], ["end", "after training", null]].map(([end, word, dash]) => ({
      word,
      dash,
      values: (n) => n[end]?.map((v) => v || null),
    }));
    const all = series.flatMap(({ entry }) => entry.networks.flatMap((n) => styles.flatMap(({ values }) => values(n) ?? [])));
    const layers = d3.range(1, 1 + (d3.max(series, ({ entry }) => d3.max(entry.networks, (n) => n.start?.length)) ?? 0));
    const x = { label: "Layer", ticks: layers, tickFormat: "d", inset: 12 };
    const says = (points) => (points.length > 1 && points[0].place === 1
      ? `the first layer’s gradient is ${few(points[0].mean / points.at(-1).mean)} times the last’s`
      : "the first layer has no gradient at all");
    return lineChart(series, styles, layers, { width, height, x, y: logarithmic(all), isDotted: true, mean: geometric, says });
  }

  /** Test accuracy at every measured level of one factor, all others as they are. */
  function turned(data, { name, setting }, index) {
    const { labels } = data.factors[index];
    return labels.flatMap((label, level) => {
      const entry = explorerState.find(data, setting.with(index, level));
      const [mean, low, high] = entry?.score ?? [];
      return entry ? [{ name, label, mean, low, high, isHere: setting[index] === level, networks: entry.networks }] : [];
    });
  }

  function knob(factor, series, all, width, height, lowest) {
    const isOrdered = factor.levels.every((level) => level !== "" && !Number.isNaN(Number(level)));
    const marks = all.flatMap((points, which) => {
      const { colour } = series[which];
      const at = { x: "label", y: "mean", dx: series.length > 1 ? [-5, 5][which] : 0, stroke: colour };
      const seeds = points.flatMap(({ label, networks }) => networks.map((n) => ({ label, mean: n.score })));
      return [
        isOrdered ? Plot.line(points, { ...at, strokeOpacity: 0.5 }) : null,
        Plot.ruleX(points.filter((d) => d.low !== null), { ...at, y: null, y1: "low", y2: "high", strokeWidth: 2 }),
        Plot.dot(seeds, { ...at, r: 1.8, stroke: null, fill: colour, fillOpacity: 0.5 }),
        Plot.dot(points, { ...at, r: 4, fill: colour }),
        Plot.dot(points.filter((d) => d.isHere), { ...at, r: 8, strokeWidth: 1.8 }),
      ];
    });
    const isTight = factor.labels.join("").length * 9 > width - 60;
    const marginBottom = isTight ? (width < 200 ? 82 : 64) : 28;
    const tickRotate = isTight ? (width < 200 ? -55 : -30) : 0;
    const x = { type: "point", domain: factor.labels, label: null, padding: 0.6, tickRotate };
    const y = { domain: [lowest, 1], nice: true, label: null, grid: true, ticks: 5 };
    return plot(width, height + marginBottom, { x, y, marks, marginBottom });
  }

  /** What becomes of the setting if one factor is changed. */
  function around(data, series, width, height) {
    const all = data.factors.map((_, index) => series.map((each) => turned(data, each, index)));
    const lowest = d3.min(all.flat(2), (d) => d3.min([d.low ?? d.mean, ...d.networks.map((n) => n.score)]));
    const named = all.flatMap((of, index) => of.map((points) => ({ points, factor: data.factors[index].label.toLowerCase() })));
    const sentences = named.map(({ points, factor }) => {
      const [best, worst] = [d3.greatest(points, (d) => d.mean), d3.least(points, (d) => d.mean)];
      return `${best.name}, by ${factor}: from ${share(worst.mean)} at ${worst.label} to ${share(best.mean)} at ${best.label}.`;
    });
    return {
      plots: data.factors.map((factor, index) => knob(factor, series, all[index], width, height, lowest)),
      labels: data.factors.map((factor) => factor.label),
      summary: sentences.join(" "),
      header: ["Setting", "Mean", "Low end", "High end"],
      rows: named.flatMap(({ points, factor }) => points.map((d) => [`${d.name}, ${factor} ${d.label}`, few(d.mean), few(d.low), few(d.high)])),
    };
  }

  /** Share of points whose class is that of the nearest node of the surface. */
  function rightShare({ grid, reach }, surface, points) {
    const place = (v) => Math.round(((Math.max(-reach, Math.min(reach, v)) / reach + 1) / 2) * (grid - 1));
    return d3.mean(points, ([x, y, c]) => Number(surface[place(y) * grid + place(x)] > 0.5 === (c === 1)));
  }

  function plane({ grid, reach }, surface, points, side, colours) {
    // Values belong to nodes, the outermost on the edges; a contour's belong to cells.
    const edge = reach + reach / (grid - 1);
    const cells = { width: grid, height: grid, x1: -edge, y1: -edge, x2: edge, y2: edge, clip: true };
    const dots = (c, symbol, fill) =>
      Plot.dot(points.filter(([x, y, own]) => own === c && Math.abs(x) <= reach && Math.abs(y) <= reach),
        { x: "0", y: "1", r: side < 150 ? 1.5 : 2.2, symbol, fill, stroke: colours.paper, strokeWidth: 0.6 });
    const axis = { domain: [-reach, reach], axis: null };
    // A band is known by its lower end, half a step below its middle.
    const color = { type: "linear", domain: [-0.05, 0.45, 0.95], range: [colours.first, colours.middle, colours.second], interpolate: "lab" };
    return Plot.plot({ width: side, height: side, margin: 1, style: { background: "none" }, x: axis, y: axis, color, marks: [
      Plot.frame({ fill: colours.first, stroke: null }),
      Plot.contour(surface, { ...cells, thresholds: d3.range(0.1, 0.95, 0.1), fill: Plot.identity, stroke: "none" }),
      Plot.contour(surface, { ...cells, thresholds: [0.5], stroke: colours.ink, strokeWidth: 1.6 }),
      dots(0, "circle", colours.firstDot),
      dots(1, "triangle", colours.secondDot),
    ] });
  }

  /** The plane as each network divides it, with the points that it was trained on. */
  function boundary(data, series, side, colours) {
    const shown = series.flatMap(({ name, setting, entry }) => entry.networks.filter((n) => n.surface).map((n) => {
      const points = data.points[data.factors[0].levels[setting[0]]]?.[n.split] ?? [];
      const surface = Float64Array.from(n.surface, (sign) => data.signs.indexOf(sign) / (data.signs.length - 1));
      const [second, right] = [d3.mean(surface, (v) => Number(v > 0.5)), rightShare(data, surface, points)];
      return { label: `${name}, ${seedName(n)}`, score: n.score, second, right, picture: plane(data, surface, points, side, colours) };
    }));
    const says = (d) => `${d.label}: ${Math.round(100 * d.second)} % of the plane goes to the second class`;
    return {
      plots: shown.map((d) => d.picture),
      labels: shown.map((d) => `${series.length > 1 ? d.label : d.label.slice(3)}: ${share(d.score)}`),
      summary: shown.map((d) => `${says(d)}${d.right === undefined ? "" : `, and ${Math.round(100 * d.right)} % of the points shown lie on their class’s side`}.`).join(" "),
      header: ["Network", "Plane given to the second class", "Points on their side"],
      rows: shown.map((d) => [d.label, few(d.second), few(d.right)]),
    };
  }

  return { curves, gradient, around, boundary, share, seedName };
})();
