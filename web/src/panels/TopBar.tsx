// The bar on top: which program, the run control, what it is doing, and the window's own tools.

import { Show } from "solid-js";
import type { Model } from "../model/model";
import { currentSession } from "../model/selectors";
import type { ThemeChoice } from "../model/state";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import { askToNotify } from "./attention";
import { command } from "./commands";
import { Icon } from "./Icon";
import { RunBar } from "./RunBar";
import { StatusSentence } from "./StatusSentence";
import type { MenuItem } from "./ui";
import { useModel, useSelect, useUi } from "./use";

const THEMES: Record<ThemeChoice, { next: ThemeChoice; words: string }> = {
  system: { next: "dark", words: "follows the system" },
  dark: { next: "light", words: "dark" },
  light: { next: "system", words: "light" },
};

function stateWords(info: SessionInfo): string {
  switch (info.state) {
    case "starting":
      return "starting";
    case "running":
      return "running";
    case "stopped":
      return info.stopped?.reason === "exception" ? "stopped on an exception" : "stopped";
    case "ended":
      return info.exit?.signal ?? (info.exit?.exitCode === undefined ? "ended" : `exit code ${info.exit.exitCode}`);
  }
}

/** What tells the program from others: where there are several, their number instead of what most share. */
function about(info: SessionInfo, programs: number): string {
  const pid = info.pid === undefined ? "not started" : `pid ${info.pid}`;
  if (programs > 1) return `${pid} · ${programs} programs`;
  return info.python === undefined ? pid : `${info.python.implementation} ${info.python.version} · ${pid}`;
}

function sessionItems(model: Model, sessions: SessionInfo[]): MenuItem[] {
  const shown = model.store.get().current;
  return [...sessions].reverse().map((one) => ({
    label: `${one.name}${one.pid === undefined ? "" : ` · pid ${one.pid}`}`,
    note: stateWords(one),
    checked: one.id === shown,
    run: () => model.sessions.select(one.id),
  }));
}

function SessionPicker() {
  const model = useModel();
  const ui = useUi();
  const info = useSelect(currentSession);
  const workspace = useSelect((state) => state.workspace?.name ?? "IKPdb");
  const sessions = useSelect((state) => state.order.flatMap((id) => state.sessions[id] ?? []));
  const open = (event: MouseEvent) => {
    const items = sessionItems(model, sessions());
    const none: MenuItem = { label: "No programs yet", disabled: true, run: () => undefined };
    ui.openMenu(event.currentTarget as Element, "Programs", items.length === 0 ? [none] : items);
  };
  return (
    <button type="button" class="pick" aria-haspopup="menu" data-testid="session-picker" onClick={open}>
      <span class="grow">
        <b class="cut">
          {workspace()}
          <Show when={info()}>{(one) => <> · {one().name}</>}</Show>
        </b>
        <small class="cut num">
          <Show when={info()} fallback="no program">
            {(one) => <>{about(one(), sessions().length)}</>}
          </Show>
        </small>
      </span>
      <Icon name="down" class="i12 dim" />
    </button>
  );
}

export function TopBar() {
  const model = useModel();
  const ui = useUi();
  const choices = useSelect((state) => state.choices);
  const rightOpen = useSelect((state) => state.rightOpen);
  const pages = useSelect((state) => state.pages);
  const sessions = useSelect((state) => state.order.flatMap((id) => state.sessions[id] ?? []));
  const themeWords = () => `Theme: ${THEMES[choices().theme].words}`;
  const more = (event: MouseEvent) => {
    const toggle = (key: "inlineValues" | "autoShow"): void => model.choose({ [key]: !choices()[key] });
    // A narrow window has no room for the picker.
    const programs = sessions().length < 2 ? [] : [...sessionItems(model, sessions()), "line" as const];
    ui.openMenu(event.currentTarget as Element, "More", [
      ...programs,
      { label: "All keys", keys: "F1", run: () => ui.setDialog("keys") },
      "line",
      {
        label: "Stack, variables and watch",
        keys: "Ctrl-Alt-B",
        checked: rightOpen(),
        run: () => command("toggleRight").run(model, ui),
      },
      { label: "Show them when the program stops", checked: choices().autoShow, run: () => toggle("autoShow") },
      { label: "Values at the ends of lines", checked: choices().inlineValues, run: () => toggle("inlineValues") },
      {
        label: "Notify me of stops in a hidden tab",
        checked: choices().notify && globalThis.Notification?.permission === "granted",
        run: () => void askToNotify(model),
      },
    ]);
  };
  return (
    <header class="top">
      <div class="session">
        <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
          <rect class="solid" x=".75" y=".75" width="22.5" height="22.5" rx="6" />
          <path class="glyph" d="M12.5 6.5 18 12l-5.5 5.5" />
          <circle class="dot" cx="8" cy="12" r="2.7" />
        </svg>
        <SessionPicker />
        <button
          type="button"
          class="tb only-narrow"
          aria-label="Workspace and breakpoints (Ctrl-B)"
          title="Workspace and breakpoints (Ctrl-B)"
          onClick={() => command("toggleLeft").run(model, ui)}
        >
          <Icon name="panel" />
        </button>
      </div>
      <div class="act" data-region>
        <RunBar />
        <StatusSentence />
      </div>
      <div class="tools">
        <button type="button" class="tb wide" title="Commands (Ctrl-Shift-P)" onClick={() => ui.setDialog("commands")}>
          <Icon name="commands" />
          <span>Commands</span>
          <kbd>Ctrl ⇧ P</kbd>
        </button>
        <Show when={pages() > 1}>
          <span class="tb wide" role="img" title={`${pages()} pages are open`} aria-label={`${pages()} pages are open`}>
            <Icon name="people" />
            <span class="num">{pages()}</span>
          </span>
        </Show>
        <button
          type="button"
          class="tb"
          data-testid="btn-theme"
          aria-label={themeWords()}
          title={themeWords()}
          onClick={() => model.choose({ theme: THEMES[choices().theme].next })}
        >
          <Icon name="theme" />
        </button>
        <button type="button" class="tb" aria-label="More" aria-haspopup="menu" title="More" onClick={more}>
          <Icon name="more" />
        </button>
      </div>
    </header>
  );
}
