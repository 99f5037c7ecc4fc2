import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");

/** The tokens of one theme. */
function theme(name: "dark" | "light"): Record<string, string> {
  const at = css.indexOf(`[data-theme="${name}"] {`);
  const block = css.slice(at, css.indexOf("\n}", at));
  return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((found) => [found[1], found[2]]));
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

/** Ink on surfaces: text needs 4.5, shapes and outlines 3. */
const TEXT: [string, string[]][] = [
  ["fg", ["bg", "panel", "raise", "hover", "sel", "sel-off", "stop-line", "frame-line", "err-line", "err-panel"]],
  ["fg-2", ["bg", "panel", "raise", "sel", "hover"]],
  ["fg-3", ["bg", "panel", "hover", "err-line", "raise"]],
  ["accent", ["bg", "panel", "err-panel"]],
  ["on-accent", ["accent-bg"]],
  ["stop", ["bg", "panel", "stop-soft", "stop-line"]],
  ["run", ["bg", "panel", "run-soft"]],
  ["err", ["bg", "panel", "err-line", "err-panel"]],
  ["inline", ["bg", "stop-line", "frame-line"]],
  ["warn", ["bg", "panel"]],
  ...["k", "s", "n", "f", "d", "b", "o", "c"].map((ink): [string, string[]] => [ink, ["bg", "stop-line", "err-line"]]),
];
const SHAPES: [string, string[]][] = [
  ["bp", ["bg", "panel"]],
  ["log", ["bg", "panel"]],
  ["off", ["bg", "panel"]],
  ["control", ["bg", "panel"]],
  ["focus", ["bg", "panel"]],
  ["stop-fill", ["bg", "panel", "stop-line"]],
  ["err-edge", ["bg", "panel", "err-line"]],
];

for (const name of ["dark", "light"] as const) {
  test(`every ink is readable on its surfaces in the ${name} theme`, () => {
    const tokens = theme(name);
    const low: string[] = [];
    const look = (pairs: [string, string[]][], least: number) => {
      for (const [ink, surfaces] of pairs) {
        for (const surface of surfaces) {
          const value = contrast(tokens[ink] ?? "", tokens[surface] ?? "");
          if (!(value >= least)) low.push(`${ink} on ${surface}: ${value.toFixed(2)}`);
        }
      }
    };
    look(TEXT, 4.5);
    look(SHAPES, 3);
    expect(low).toEqual([]);
  });
}
