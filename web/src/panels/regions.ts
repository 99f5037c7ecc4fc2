// The landmarks of the window, for Ctrl-F6 and for "focus stays where the user is".

const REGIONS = "[data-region]";

function focusIn(region: Element): boolean {
  const wanted = region.querySelector<HTMLElement>(
    "[data-focus], .cm-content, [tabindex='0'], input, button:not(:disabled)",
  );
  wanted?.focus();
  return wanted !== null && document.activeElement === wanted;
}

/** Moves the keyboard to the next or previous part of the window that is on show. */
export function cycleRegions(by: 1 | -1): void {
  const regions = [...document.querySelectorAll(REGIONS)].filter((one) => one.getClientRects().length > 0);
  const at = regions.findIndex((one) => one.contains(document.activeElement));
  for (let step = 1; step <= regions.length; step++) {
    const next = regions[(at + by * step + regions.length * 2) % regions.length];
    if (next !== undefined && focusIn(next)) return;
  }
}

/** Arrow keys in a list or tree whose rows are `[data-row]`: one tab stop, the rows take the focus in turn. */
export function moveInList(event: KeyboardEvent, host: HTMLElement): boolean {
  const rows = [...host.querySelectorAll<HTMLElement>("[data-row]")];
  const focused = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>("[data-row]") ?? null;
  const at = focused === null ? -1 : rows.indexOf(focused);
  const to = { ArrowDown: at + 1, ArrowUp: Math.max(at - 1, 0), Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined) return false;
  const row = rows[Math.min(to, rows.length - 1)];
  if (row === undefined) return false;
  for (const one of rows) one.tabIndex = one === row ? 0 : -1;
  row.focus();
  event.preventDefault();
  return true;
}
