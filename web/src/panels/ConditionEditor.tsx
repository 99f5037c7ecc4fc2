// When a breakpoint stops: condition, hit count, or a message to log instead. Opens under its line; Enter saves, Escape
// leaves everything as it was. A breakpoint is made only when it is saved.

import { createSignal, For, onMount, Show } from "solid-js";
import { capabilities, features } from "../model/selectors";
import type { ConditionEditor as Editing } from "../model/state";
import { moveInTabs } from "./arrows";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { isFree } from "./regions";
import { useModel, useSelect } from "./use";

type Tab = Editing["tab"];

const TABS: { tab: Tab; label: string; example: string }[] = [
  { tab: "condition", label: "Condition", example: "Stop only when this is true, for example  total > 40_000" },
  { tab: "hit", label: "Hit count", example: "Stop only at these hits, for example  >= 3" },
  { tab: "log", label: "Log message", example: "Print this instead of stopping, for example  {month}: {total}" },
];

export function ConditionEditor(props: { close(): void }) {
  const model = useModel();
  const editor = useSelect((state) => state.condition);
  const can = useSelect((state) => {
    const able = capabilities(state);
    const edited = state.breakpoints.wishes.find((one) => one.id === state.condition?.wish);
    // What nobody said that it can be done is not offered; but what is set can be taken away again.
    return {
      condition: features(state).conditionalBreakpoints || Boolean(edited?.condition),
      hit: able.supportsHitConditionalBreakpoints === true || Boolean(edited?.hitCondition),
      log: able.supportsLogPoints === true || Boolean(edited?.logMessage),
    };
  });
  const wish = () => model.store.get().breakpoints.wishes.find((one) => one.id === editor()?.wish);
  const [tab, setTab] = createSignal<Tab>(editor()?.tab ?? "condition");
  const [values, setValues] = createSignal({
    condition: wish()?.condition ?? "",
    hit: wish()?.hitCondition ?? "",
    log: wish()?.logMessage ?? "",
  });
  let form: HTMLFormElement | undefined;
  let input: HTMLInputElement | undefined;
  onMount(() => setTimeout(() => input?.focus()));
  const close = () => {
    model.breakpoints.closeEditor();
    props.close();
  };
  const save = async () => {
    const { condition, hit, log } = values();
    await model.breakpoints.save({ condition: condition.trim(), hitCondition: hit.trim(), logMessage: log.trim() });
    // The answer may be late: who types elsewhere by then is left there.
    if (!isFree(form)) return;
    if (model.store.get().condition === null) props.close();
    else input?.focus();
  };
  const offered = () => TABS.filter((one) => can()[one.tab]);
  return (
    <form
      ref={form}
      class="cond-ed"
      data-testid="condition-editor"
      aria-label={
        wish()?.function === undefined
          ? `Breakpoint on line ${editor()?.line ?? ""}`
          : `Breakpoint on ${wish()?.function}`
      }
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") close();
      }}
    >
      <div class="bar">
        <div class="offers" role="tablist" aria-label="When it stops" onKeyDown={moveInTabs}>
          <For each={offered()}>
            {(one) => (
              <button
                type="button"
                role="tab"
                aria-selected={tab() === one.tab}
                tabindex={tab() === one.tab ? 0 : -1}
                onClick={() => setTab(one.tab)}
                onPointerUp={() => input?.focus()}
              >
                {one.label}
              </button>
            )}
          </For>
        </div>
        <span class="grow" />
        <span class="hint wide">{editor()?.saving ? "Saving" : "Enter saves · Esc leaves it as it was"}</span>
        <IconButton icon="close" label="Close (Esc)" size="i12" run={close} />
      </div>
      <input
        ref={input}
        value={values()[tab()]}
        placeholder={TABS.find((one) => one.tab === tab())?.example}
        aria-label={TABS.find((one) => one.tab === tab())?.label}
        aria-invalid={editor()?.error !== null}
        spellcheck={false}
        autocomplete="off"
        data-testid="condition-input"
        onInput={(event) => setValues({ ...values(), [tab()]: event.currentTarget.value })}
      />
      <Show when={editor()?.error}>
        {(text) => (
          <p class="msg" role="alert" data-testid="condition-error">
            <Icon name="warning" class="i12" />
            <span>{text()}</span>
          </p>
        )}
      </Show>
    </form>
  );
}
