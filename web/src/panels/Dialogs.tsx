// Go to file, the command palette, and the list of all keys: one dialog at a time.

import { createEffect, createResource, createSignal, For, onCleanup, onMount, Show } from "solid-js";
import { reason } from "../model/context";
import { baseName, shortPath } from "../model/paths";
import type { State } from "../model/state";
import { COMMANDS, type Command, keyName } from "./commands";
import { findCommands, fits } from "./palette";
import { useModel, useSelect, useUi } from "./use";

/** Whether it is on, and its keys. */
function noteOf(command: Command, state: State): string {
  const keys = command.keys.map(keyName).join(" or ");
  if (command.isOn === undefined) return keys;
  return [command.isOn(state) ? "on" : "off", keys].filter((part) => part !== "").join(" · ");
}

interface Choice {
  title: string;
  note: string;
  disabled: boolean;
  /** With what stands in the field. */
  run(query: string): void;
}

/** What fits a query, or why that is not known. */
interface Choices {
  text: string | null;
  list: Choice[];
  failure: string | null;
}

const NOTHING: Choices = { text: null, list: [], failure: null };

async function listOf(text: string, choices: (query: string) => Promise<Choice[]> | Choice[]): Promise<Choices> {
  try {
    return { text, list: await choices(text), failure: null };
  } catch (error) {
    return { text, list: [], failure: reason(error) };
  }
}

function Chooser(props: { placeholder: string; choices(query: string): Promise<Choice[]> | Choice[] }) {
  const ui = useUi();
  const [query, setQuery] = createSignal("");
  const [at, setAt] = createSignal(0);
  // A list belongs to the query that it was asked for: Enter waits for the one of what stands in the field.
  const [choices] = createResource(query, (text) => listOf(text, props.choices), { initialValue: NOTHING });
  let entered = false;
  let list: HTMLDivElement | undefined;
  let input: HTMLInputElement | undefined;
  onMount(() => input?.focus());
  const shown = () => choices.latest.list;
  createEffect(() => {
    query();
    setAt(0);
    entered = false;
  });
  createEffect(() => list?.children[at()]?.scrollIntoView({ block: "nearest" }));
  const run = (choice: Choice | undefined) => {
    if (choice === undefined || choice.disabled) return;
    const text = query();
    ui.setDialog(null);
    choice.run(text);
  };
  const isCurrent = () => !choices.loading && choices.latest.text === query();
  createEffect(() => {
    if (!isCurrent() || !entered) return;
    entered = false;
    run(shown()[at()]);
  });
  const keys = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (by !== undefined) setAt(Math.max(0, Math.min(at() + by, shown().length - 1)));
    else if (event.key !== "Enter") return;
    else if (isCurrent()) run(shown()[at()]);
    else entered = true;
    event.preventDefault();
  };
  return (
    <>
      <input
        ref={input}
        value={query()}
        placeholder={props.placeholder}
        aria-label={props.placeholder}
        role="combobox"
        aria-expanded="true"
        aria-controls="choices"
        aria-activedescendant={`choice-${at()}`}
        spellcheck={false}
        autocomplete="off"
        data-testid="dialog-input"
        onInput={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={keys}
      />
      <div class="body" role="listbox" id="choices" aria-label={props.placeholder} ref={list}>
        <For each={shown()}>
          {(choice, index) => (
            <div
              class="choice"
              role="option"
              id={`choice-${index()}`}
              aria-selected={index() === at()}
              aria-disabled={choice.disabled}
              data-testid="choice"
              onPointerMove={() => setAt(index())}
              onClick={() => run(choice)}
            >
              <span class="cut">{choice.title}</span>
              <small class="cut">{choice.note}</small>
            </div>
          )}
        </For>
      </div>
      <Show when={!choices.loading && shown().length === 0}>
        <p class="empty">{choices.latest.failure ?? "Nothing fits."}</p>
      </Show>
    </>
  );
}

function Files() {
  const model = useModel();
  const root = useSelect((state) => state.workspace?.path ?? null);
  const choices = async (query: string): Promise<Choice[]> => {
    const [text = ""] = query.split(":");
    const open = model.store.get().tabs.filter((key) => key.startsWith("/") && fits(key, text) >= 0);
    const found = await model.files.find(text);
    const paths = text === "" ? [...new Set([...open, ...found])] : found;
    return paths.map((path) => ({
      title: baseName(path),
      note: shortPath(path, root()),
      disabled: false,
      run: (typed) => model.files.open(path, Number(typed.split(":")[1]) || null, true),
    }));
  };
  return <Chooser placeholder="Go to file, or file:line" choices={choices} />;
}

function Commands() {
  const model = useModel();
  const ui = useUi();
  const choices = (query: string): Choice[] =>
    findCommands(query, model.store.get()).map(({ command, unless }) => ({
      title: command.title,
      note: unless ?? noteOf(command, model.store.get()),
      disabled: unless !== null,
      run: () => command.run(model, ui),
    }));
  return <Chooser placeholder="Command" choices={choices} />;
}

function Keys() {
  let host: HTMLDListElement | undefined;
  onMount(() => host?.focus());
  return (
    <>
      <h2>Keys</h2>
      <dl class="keys" tabindex="-1" ref={host}>
        <For each={COMMANDS.filter((one) => one.keys.length > 0)}>
          {(one) => (
            <>
              <dt>
                <For each={one.keys}>{(key) => <kbd>{keyName(key)}</kbd>}</For>
              </dt>
              <dd>{one.title}</dd>
            </>
          )}
        </For>
      </dl>
    </>
  );
}

const NAMES = { files: "Go to file", commands: "Commands", keys: "Keys" };

export function Dialogs() {
  const ui = useUi();
  let before: Element | null = null;
  createEffect(() => {
    if (ui.dialog() === null) {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      before = null;
      return;
    }
    before ??= document.activeElement;
    const onEscape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      ui.setDialog(null);
    };
    addEventListener("keydown", onEscape, true);
    onCleanup(() => removeEventListener("keydown", onEscape, true));
  });
  return (
    <Show when={ui.dialog()} keyed>
      {(open) => (
        <div
          class="scrim"
          role="presentation"
          onPointerDown={(event) => {
            if (event.target === event.currentTarget) ui.setDialog(null);
          }}
        >
          <div class="dialog" role="dialog" aria-modal="true" aria-label={NAMES[open]} data-testid={`dialog-${open}`}>
            {open === "files" ? <Files /> : open === "commands" ? <Commands /> : <Keys />}
          </div>
        </div>
      )}
    </Show>
  );
}
