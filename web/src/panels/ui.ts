// What belongs to this window only and to no program: open menus and dialogs, who wants the keyboard.

import { createSignal } from "solid-js";
import type { IconName } from "./icons";

export type MenuItem =
  | {
      label: string;
      keys?: string;
      note?: string;
      icon?: IconName;
      checked?: boolean;
      /** Of several such in a row one is chosen. */
      oneOf?: boolean;
      disabled?: boolean;
      run(): void;
    }
  | "line";

export interface OpenMenu {
  x: number;
  y: number;
  items: MenuItem[];
  label: string;
}

/** What is on show, whoever chose it. */
export type Theme = "dark" | "light";

export type Dialog = "files" | "commands" | "keys";

export function createUi() {
  const [menu, setMenu] = createSignal<OpenMenu | null>(null);
  const [dialog, setDialog] = createSignal<Dialog | null>(null);
  const [keyboard, setKeyboard] = createSignal<"console" | "terminal" | null>(null);
  const [namesFunction, setNamesFunction] = createSignal(false);
  const [theme, setTheme] = createSignal<Theme>("dark");
  return {
    menu,
    dialog,
    setDialog,
    theme,
    setTheme,
    /** The panel that is to have the keyboard as soon as it is there; it takes the wish away. */
    keyboard,
    setKeyboard,
    /** Whether the name of a function to stop at is being typed. */
    namesFunction,
    setNamesFunction,
    closeMenu: () => setMenu(null),
    /** Opens a menu at the pointer, or below an element. */
    openMenu(at: MouseEvent | Element, label: string, items: MenuItem[]) {
      if (at instanceof Element) {
        const box = at.getBoundingClientRect();
        setMenu({ x: box.left, y: box.bottom + 4, items, label });
      } else {
        at.preventDefault();
        setMenu({ x: at.clientX, y: at.clientY, items, label });
      }
    },
  };
}

export type Ui = ReturnType<typeof createUi>;

/** Puts text on the clipboard, also where the page is no secure context. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
