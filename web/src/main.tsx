// Starts the page: one model, one window.

import { render } from "solid-js/web";
import { browserClock } from "./model/context";
import { memory } from "./model/memory";
import { Model } from "./model/model";
import { App } from "./panels/App";
import { ProvideModel } from "./panels/use";
import { browserParts } from "./socket/browser";
import "./styles/index.css";

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no #root");

const model = new Model(browserParts(), browserClock);
for (const [path, on] of Object.entries(memory.get<Record<string, boolean>>("expanded", {}))) {
  model.store.dispatch({ type: "expand", path, on });
}
model.store.dispatch({ type: "toldChildren", pids: memory.get<number[]>("told-children", []) });
render(
  () => (
    <ProvideModel model={model}>
      <App />
    </ProvideModel>
  ),
  root,
);
model.start();
