// The program's terminal: shows what it writes, and types to it. Its size is the page's unless a real terminal decides.

import { FitAddon } from "@xterm/addon-fit";
import { type ITheme, Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { createEffect, on, onCleanup, onMount, Show } from "solid-js";
import { currentSession } from "../model/selectors";
import { useModel, useSelect, useUi } from "./use";

/** The terminal makes style elements of its own: the page's policy lets in those that carry its nonce. */
function withNonce(run: () => void): void {
  const nonce = document.querySelector<HTMLMetaElement>("meta[name=csp-nonce]")?.content ?? "";
  const create = document.createElement;
  document.createElement = function (this: Document, name: string, options?: ElementCreationOptions) {
    const element = create.call(this, name, options);
    if (name === "style" && nonce !== "") element.setAttribute("nonce", nonce);
    return element;
  } as typeof document.createElement;
  try {
    run();
  } finally {
    document.createElement = create;
  }
}

function theme(): ITheme {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(name).trim();
  return {
    background: token("--bg"),
    foreground: token("--fg"),
    cursor: token("--accent"),
    cursorAccent: token("--bg"),
    selectionBackground: token("--sel"),
    black: token("--ansi-0"),
    red: token("--err"),
    green: token("--run"),
    yellow: token("--stop"),
    blue: token("--f"),
    magenta: token("--k"),
    cyan: token("--b"),
    white: token("--ansi-7"),
    brightBlack: token("--ansi-8"),
    brightRed: token("--err"),
    brightGreen: token("--run"),
    brightYellow: token("--stop"),
    brightBlue: token("--f"),
    brightMagenta: token("--k"),
    brightCyan: token("--b"),
    brightWhite: token("--ansi-15"),
  };
}

export default function TerminalPanel() {
  const model = useModel();
  const ui = useUi();
  const current = useSelect((state) => state.current);
  const info = useSelect(currentSession);
  let place: HTMLDivElement | undefined;
  let sent = "";
  const attached = () => info()?.streams?.attached === true;
  const hasTerminal = () => {
    const streams = info()?.streams;
    return (
      streams === undefined || [streams.stdin, streams.stdout, streams.stderr].some((one) => one.kind === "terminal")
    );
  };

  onMount(() => {
    if (place === undefined) return;
    const host = place;
    const terminal = new Terminal({
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono").trim(),
      fontSize: 12,
      lineHeight: 1.35,
      scrollback: 5000,
      cursorBlink: false,
      convertEol: false,
      // Programs choose their colours for a dark ground.
      minimumContrastRatio: 4.5,
      theme: theme(),
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    withNonce(() => terminal.open(host));
    const resize = () => {
      const size = info()?.streams?.terminal;
      // A terminal that does not know its size says 0.
      if (attached() && size !== undefined && size.columns > 1 && size.rows > 0) {
        terminal.resize(size.columns, size.rows);
        return;
      }
      fit.fit();
      const wanted = `${current()} ${terminal.cols} ${terminal.rows}`;
      if (wanted === sent || info() === null || info()?.state === "ended") return;
      sent = wanted;
      model.sessions.debugger?.resizeTerminal(terminal.cols, terminal.rows).catch(() => undefined);
    };
    const resized = new ResizeObserver(resize);
    resized.observe(host);
    terminal.onData((data) => {
      if (info()?.state !== "ended") model.sessions.debugger?.typeIntoTerminal(data).catch(() => undefined);
    });
    const listen = () => {
      terminal.reset();
      model.listenToTerminals((session, text, fresh) => {
        if (session !== current()) return;
        if (fresh) terminal.reset();
        terminal.write(text);
      });
    };
    createEffect(on(current, listen));
    createEffect(
      on([() => info()?.streams?.attached, () => info()?.streams?.terminal, () => info()?.id], resize, { defer: true }),
    );
    createEffect(
      on(
        ui.theme,
        () => {
          withNonce(() => {
            terminal.options.theme = theme();
          });
        },
        { defer: true },
      ),
    );
    createEffect(() => {
      if (ui.keyboard() !== "terminal") return;
      terminal.focus();
      ui.setKeyboard(null);
    });
    onCleanup(() => {
      model.listenToTerminals(null);
      resized.disconnect();
      terminal.dispose();
    });
  });

  return (
    <div class="panel" role="tabpanel" aria-label="Terminal" data-testid="panel-terminal">
      <Show when={!hasTerminal()}>
        <p class="empty">This program has no terminal of its own: its streams go where the shell put them.</p>
      </Show>
      <div class="term" ref={place} data-focus tabindex="-1" />
    </div>
  );
}
