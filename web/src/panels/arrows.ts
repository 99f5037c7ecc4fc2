// Arrow keys in lists, trees, tab strips and toolbars: each is one tab stop, and the keys move the focus inside of it.

/** Where a key leads among `count` items, from the one at `at`; null if it leads nowhere. */
type Step = (key: string, at: number, count: number) => number | null;

const down: Step = (key, at, count) => {
  const to = { ArrowDown: at + 1, ArrowUp: Math.max(at - 1, 0), Home: 0, End: count - 1 }[key];
  return to === undefined ? null : Math.min(to, count - 1);
};

/** Goes round at the ends. */
const along: Step = (key, at, count) => {
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: count - 1 }[key];
  return to === undefined || count === 0 ? null : (to + count) % count;
};

function move(event: KeyboardEvent, items: HTMLElement[], step: Step): HTMLElement | null {
  const at = items.findIndex((one) => one.contains(document.activeElement));
  const to = step(event.key, at, items.length);
  const item = to === null ? undefined : items[to];
  if (item === undefined) return null;
  event.preventDefault();
  item.focus();
  return item;
}

function moveToRow(event: KeyboardEvent, host: Element | null, step: Step): boolean {
  const rows = host === null ? [] : [...host.querySelectorAll<HTMLElement>("[data-row]")];
  const row = move(event, rows, step);
  if (row === null) return false;
  for (const one of rows) one.tabIndex = one === row ? 0 : -1;
  return true;
}

/** In a list whose rows are `[data-row]`. */
export function moveInList(event: KeyboardEvent): boolean {
  return moveToRow(event, (event.currentTarget as Element).closest("ul"), down);
}

/**
 * In a tree whose rows are `[data-row]`: as in a list, and the keys to the sides open and close the row, or lead to its
 * first child and to its parent. `open` is null for a row that has nothing below it.
 */
export function moveInTree(event: KeyboardEvent, open: boolean | null, toggle: () => void): boolean {
  const row = event.currentTarget as HTMLElement;
  const tree = row.closest("[role=tree]");
  if (moveToRow(event, tree, down)) return true;
  if (tree === null || (event.key !== "ArrowRight" && event.key !== "ArrowLeft")) return false;
  event.preventDefault();
  const opens = event.key === "ArrowRight";
  if (open !== null && open !== opens) toggle();
  else moveToRow(event, tree, (_, at) => (opens ? childOf(tree, at) : parentOf(tree, at)));
  return true;
}

function levels(tree: Element): number[] {
  return [...tree.querySelectorAll("[data-row]")].map((row) => Number(row.getAttribute("aria-level")));
}

function childOf(tree: Element, at: number): number | null {
  const all = levels(tree);
  return (all[at + 1] ?? 0) > (all[at] ?? 0) ? at + 1 : null;
}

function parentOf(tree: Element, at: number): number | null {
  const all = levels(tree);
  const to = all.findLastIndex((level, index) => index < at && level < (all[at] ?? 0));
  return to < 0 ? null : to;
}

/** In a toolbar: the keys to the sides move among the buttons that work now. */
export function moveInToolbar(event: KeyboardEvent): void {
  const bar = event.currentTarget as Element;
  move(event, [...bar.querySelectorAll<HTMLElement>("button:not(:disabled)")], along);
}

/** In a strip of tabs: the keys to the sides choose the neighbour, which then has the focus. */
export function moveInTabs(event: KeyboardEvent): boolean {
  const strip = (event.currentTarget as Element).closest("[role=tablist]");
  const tab = strip === null ? null : move(event, [...strip.querySelectorAll<HTMLElement>("[role=tab]")], along);
  tab?.click();
  if (strip !== null && tab !== null) {
    // The strip may be drawn anew by the choice.
    queueMicrotask(() => strip.querySelector<HTMLElement>("[aria-selected=true]")?.focus());
  }
  return tab !== null;
}
