// The icons: strokes and filled shapes on a 16 x 16 grid, drawn for this project. Filled means: acts on the program, or
// is a mark.

export interface Drawing {
  /** Side of the square grid; 16 if absent. */
  grid?: number;
  lines?: string;
  solid?: string;
  /** Bars cut out of a mark. */
  cut?: string;
  dashed?: string;
}

const circle = (cx: number, cy: number, r: number): string =>
  `M${cx - r} ${cy}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;

export const ICONS = {
  play: { solid: "M4.4 2.6a.8.8 0 0 0-1.2.7v9.4a.8.8 0 0 0 1.2.7l8.3-4.7a.8.8 0 0 0 0-1.4z" },
  pause: { solid: "M3.8 3h3v10h-3zM9.2 3h3v10h-3z" },
  over: { lines: "M2.3 8.6A5.7 5.7 0 0 1 13 6.4M13.5 2.7v3.9H9.6", solid: circle(8, 12.3, 1.9) },
  into: { lines: "M8 1.6v7M4.8 5.6 8 8.8l3.2-3.2", solid: circle(8, 13, 1.9) },
  out: { lines: "M8 9V2M4.8 5 8 1.8 11.2 5", solid: circle(8, 13, 1.9) },
  restart: { lines: "M13 8a5 5 0 1 1-1.6-3.7M13.3 1.8V5h-3.2" },
  stop: {
    solid: "M4.6 3.2h6.8c.8 0 1.4.6 1.4 1.4v6.8c0 .8-.6 1.4-1.4 1.4H4.6c-.8 0-1.4-.6-1.4-1.4V4.6c0-.8.6-1.4 1.4-1.4z",
  },
  stopped: {
    solid:
      "M2 3.9c0-.7.6-1.3 1.3-1.3h5.3c.4 0 .8.2 1 .5l3.9 4.3c.3.3.3.8 0 1.1l-3.9 4.3c-.2.4-.6.6-1 .6H3.3c-.7 0-1.3-.6-1.3-1.3z",
  },
  running: { lines: "M8 1.8A6.2 6.2 0 0 1 14.2 8" },
  warning: { lines: "M8 1.7 14.6 13.4H1.4zM8 6.2v3.2M8 11.4v.1" },
  idle: { dashed: circle(8, 8, 5.8) },
  offline: {
    lines:
      "M1.6 6.2a9.3 9.3 0 0 1 3.9-2.2M14.4 6.2a9.3 9.3 0 0 0-4.5-2.3M4 9a5.8 5.8 0 0 1 2.6-1.5M12 9a5.8 5.8 0 0 0-1.6-1.1M2.5 2l11 12",
  },
  done: { lines: `${circle(8, 8, 6)}M5.4 8.2l1.8 1.8 3.5-3.8` },
  "mark-on": { solid: circle(8, 8, 5.5) },
  "mark-none": { solid: circle(8, 8, 5.5) },
  "mark-cond": { solid: circle(8, 8, 5.5), cut: "M5.6 6.6h4.8M5.6 9.4h4.8" },
  "mark-log": { solid: "M8 1.9 14.1 8 8 14.1 1.9 8z" },
  "mark-off": { lines: `${circle(8, 8, 4.9)}M4.6 11.4l6.8-6.8` },
  "mark-unverified": { dashed: circle(8, 8, 4.8) },
  arrow: {
    solid:
      "M1.5 3.8c0-.7.5-1.2 1.2-1.2h6.2c.4 0 .7.2.9.4l4.3 4.3c.4.4.4 1 0 1.4l-4.3 4.3c-.2.2-.5.4-.9.4H2.7c-.7 0-1.2-.5-1.2-1.2z",
  },
  "arrow-frame": {
    lines: "M2.3 4.6c0-.6.4-1 1-1h5.3c.3 0 .6.1.8.3l3.6 3.6c.3.3.3.7 0 1l-3.6 3.6c-.2.2-.5.3-.8.3H3.3c-.6 0-1-.4-1-1z",
  },
  down: { grid: 12, lines: "M2.5 4.5 6 8l3.5-3.5" },
  right: { grid: 12, lines: "M4.5 2.5 8 6 4.5 9.5" },
  file: { lines: "M4 1.8h5l3.2 3.2v9.2H4zM9 1.8V5h3.2" },
  folder: { lines: "M1.8 3.6h4.3l1.5 1.7h6.6v7.4H1.8z" },
  search: { lines: `${circle(7, 7, 4.2)}M10.2 10.2l3.6 3.6` },
  plus: { lines: "M8 3.2v9.6M3.2 8h9.6" },
  close: { lines: "m4 4 8 8M12 4l-8 8" },
  copy: {
    lines:
      "M6.7 5.2h5.3c.8 0 1.5.7 1.5 1.5V12c0 .8-.7 1.5-1.5 1.5H6.7c-.8 0-1.5-.7-1.5-1.5V6.7c0-.8.7-1.5 1.5-1.5zM10.8 5V3.5c0-.6-.4-1-1-1H3.5c-.6 0-1 .4-1 1v6.3c0 .6.4 1 1 1H5",
  },
  terminal: { lines: "m2.5 4.5 3.5 3.5-3.5 3.5M8 12h5.5" },
  more: { solid: `${circle(3.2, 8, 1.2)}${circle(8, 8, 1.2)}${circle(12.8, 8, 1.2)}` },
  people: {
    lines: `${circle(6, 5.2, 2.5)}M1.6 13c.3-2.5 2-4 4.4-4s4.1 1.5 4.4 4M10.6 2.9a2.5 2.5 0 0 1 0 4.6M12 9.3c1.4.6 2.2 1.9 2.4 3.7`,
  },
  theme: { lines: circle(8, 8, 5.8), solid: "M8 2.2a5.8 5.8 0 0 1 0 11.6z" },
  commands: { lines: "M2.5 4h11M2.5 8h7M2.5 12h9" },
  fold: { lines: "m5 6 3-3 3 3M5 10l3 3 3-3" },
  trash: { lines: "M2.8 4.3h10.4M6 4V2.5h4V4M4.2 4.5l.6 9h6.4l.6-9" },
  panel: {
    lines:
      "M3.3 2.8h9.4c.8 0 1.5.7 1.5 1.5v7.4c0 .8-.7 1.5-1.5 1.5H3.3c-.8 0-1.5-.7-1.5-1.5V4.3c0-.8.7-1.5 1.5-1.5zM6 2.8v10.4",
  },
  eye: { lines: `M1.5 8S3.8 3.8 8 3.8 14.5 8 14.5 8 12.2 12.2 8 12.2 1.5 8 1.5 8z${circle(8, 8, 2)}` },
  dot: { grid: 8, solid: circle(4, 4, 3.5) },
  check: { grid: 12, lines: "M2.5 6.3 5 8.8l4.5-5" },
  refresh: { lines: "M13 8a5 5 0 1 1-1.6-3.7M13.3 1.8V5h-3.2" },
} satisfies Record<string, Drawing>;

export type IconName = keyof typeof ICONS;
