// How panels reach the model: the state as a signal, and selectors that tell only of real changes.

import {
  type Accessor,
  createContext,
  createMemo,
  createSignal,
  type JSX,
  mapArray,
  onCleanup,
  useContext,
} from "solid-js";
import type { Model } from "../model/model";
import type { State } from "../model/state";
import { createUi, type Ui } from "./ui";

interface Provided {
  model: Model;
  state: Accessor<State>;
  ui: Ui;
}

const Provider = createContext<Provided>();

export function ProvideModel(props: { model: Model; children: JSX.Element }) {
  const { model } = props;
  const [state, setState] = createSignal(model.store.get());
  onCleanup(model.store.subscribe((next) => setState(() => next)));
  const ui = createUi();
  return <Provider.Provider value={{ model, state, ui }}>{props.children}</Provider.Provider>;
}

function provided(): Provided {
  const value = useContext(Provider);
  if (value === undefined) throw new Error("a panel outside of ProvideModel");
  return value;
}

export const useModel = (): Model => provided().model;
export const useUi = (): Ui => provided().ui;

/** A part of the state; it changes only when the part does. */
export function useSelect<T>(selector: (state: State) => T, equals?: (a: T, b: T) => boolean): Accessor<T> {
  const { state } = provided();
  return createMemo(() => selector(state()), undefined, equals === undefined ? {} : { equals });
}

/** Like `For`, but a row keeps its elements as long as its key is in the list, whatever else changes in it. */
export function Each<T>(props: {
  list: readonly T[];
  key: (item: T) => string | number;
  children: (item: Accessor<T>, index: Accessor<number>) => JSX.Element;
}) {
  const byKey = createMemo(() => new Map(props.list.map((item) => [props.key(item), item])));
  const keys = createMemo(() => [...byKey().keys()]);
  const rows = mapArray(keys, (key, index) => {
    // The last value stays for the moment between the row's removal and its end.
    const item = createMemo<T>((last) => byKey().get(key) ?? last, byKey().get(key) as T);
    return props.children(item, index);
  });
  return <>{rows()}</>;
}
