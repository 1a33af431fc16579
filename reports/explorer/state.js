// What is chosen, as text: in the page's address and as the data's keys.
"use strict";

globalThis.explorerState = (() => {
  const PINNED = "pinned.";

  // A setting is an array with the index of a level for each factor.

  /** The setting that an address names, with the names that are not known to it. */
  function readSetting(parameters, prefix, factors, start) {
    const unknown = [];
    const setting = factors.map((factor, index) => {
      const text = parameters.get(prefix + factor.name);
      if (text === null) return start[index];
      const level = factor.levels.indexOf(text);
      if (level < 0) unknown.push(`${factor.label.toLowerCase()} “${text}”`);
      return level < 0 ? start[index] : level;
    });
    return { setting, unknown };
  }

  /** {shown, pinned, unknown}: settings A and B (null where none is pinned) of a hash. */
  function read(hash, factors, start) {
    const parameters = new URLSearchParams(hash.replace(/^#/, ""));
    const shown = readSetting(parameters, "", factors, start);
    const isPinned = factors.some((factor) => parameters.has(PINNED + factor.name));
    const pinned = isPinned ? readSetting(parameters, PINNED, factors, start) : null;
    const unknown = [...shown.unknown, ...(pinned ? pinned.unknown : [])];
    return { shown: shown.setting, pinned: pinned && pinned.setting, unknown };
  }

  /** The hash from which `read` gives the same state. */
  function write({ shown, pinned }, factors) {
    const parameters = new URLSearchParams();
    for (const [prefix, setting] of [["", shown], [PINNED, pinned]]) {
      if (!setting) continue;
      factors.forEach((factor, i) => parameters.set(prefix + factor.name, factor.levels[setting[i]]));
    }
    return `#${parameters}`;
  }

  /** What was measured at a setting, or undefined. */
  function find(data, setting) {
    const [dataset, ...levels] = setting.map((level, i) => data.factors[i].levels[level]);
    return data.settings[dataset]?.[levels.join(",")];
  }

  /** A setting in words; of two, only where they differ. */
  function describe(factors, setting, other) {
    const differing = factors.map((_, i) => i).filter((i) => !other || setting[i] !== other[i]);
    const words = differing.map((i) => `${factors[i].label.toLowerCase()} ${factors[i].labels[setting[i]]}`);
    return words.join(", ") || "the same setting";
  }

  return { read, write, find, describe };
})();
