// The one open menu: at the pointer or below its button, with arrow keys, Escape, and focus given back.

import { createEffect, For, onCleanup, Show } from "solid-js";
import { Icon } from "./Icon";
import type { MenuItem } from "./ui";
import { useUi } from "./use";

export function Menu() {
  const ui = useUi();
  let host: HTMLDivElement | undefined;
  let before: Element | null = null;

  const entries = () => [...(host?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];
  const close = (giveBack: boolean) => {
    ui.closeMenu();
    if (giveBack && before instanceof HTMLElement) before.focus();
  };
  const run = (item: Exclude<MenuItem, "line">) => {
    if (item.disabled) return;
    close(true);
    item.run();
  };

  createEffect(() => {
    const open = ui.menu();
    if (open === null || host === undefined) return;
    before = document.activeElement;
    const { width, height } = host.getBoundingClientRect();
    host.style.left = `${Math.max(4, Math.min(open.x, innerWidth - width - 8))}px`;
    host.style.top = `${Math.max(4, Math.min(open.y, innerHeight - height - 8))}px`;
    entries()[0]?.focus();
    const outside = (event: Event) => {
      if (!(event.target instanceof Node) || !host?.contains(event.target)) close(false);
    };
    addEventListener("pointerdown", outside, true);
    addEventListener("blur", outside);
    onCleanup(() => {
      removeEventListener("pointerdown", outside, true);
      removeEventListener("blur", outside);
    });
  });

  const keys = (event: KeyboardEvent) => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) all[(to + all.length) % all.length]?.focus();
    else if (event.key === "Escape" || event.key === "Tab") close(true);
    else if (event.key === "Enter" || event.key === " ") (document.activeElement as HTMLElement | null)?.click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <Show when={ui.menu()}>
      {(open) => (
        <div class="menu" role="menu" tabindex="-1" aria-label={open().label} ref={host} onKeyDown={keys}>
          <For each={open().items}>
            {(item) =>
              item === "line" ? (
                <hr />
              ) : (
                <button
                  type="button"
                  role={item.checked === undefined ? "menuitem" : item.oneOf ? "menuitemradio" : "menuitemcheckbox"}
                  aria-checked={item.checked}
                  aria-disabled={item.disabled === true}
                  tabindex="-1"
                  onClick={() => run(item)}
                >
                  <Show when={item.checked !== undefined}>
                    <span class="tick">{item.checked ? <Icon name="check" class="i12" /> : null}</span>
                  </Show>
                  <Show when={item.icon}>{(name) => <Icon name={name()} class="i14" />}</Show>
                  <span class="cut">{item.label}</span>
                  <Show when={item.note}>{(note) => <small>{note()}</small>}</Show>
                  <Show when={item.keys}>{(text) => <kbd>{text()}</kbd>}</Show>
                </button>
              )
            }
          </For>
        </div>
      )}
    </Show>
  );
}
