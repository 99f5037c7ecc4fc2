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

/** Whether the keyboard is in this part, or nowhere, as it is when what had it is gone. */
export function isFree(part: HTMLElement | undefined): boolean {
  const at = document.activeElement;
  return at === null || at === document.body || part?.contains(at) === true;
}
