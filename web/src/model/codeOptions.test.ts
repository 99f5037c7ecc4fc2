import { expect, test } from "vitest";
import { settled } from "../socket/fakeHub";
import { ruleOffers, withRule } from "./codeOptions";
import { openModel, RUNNING } from "./testModel";

test("what was said last of some code goes first, and takes the place of what was said of it before", () => {
  const json = { module: "json", include: true };
  const made = { path: "/w/made.py", include: false };
  expect(withRule([json], made)).toEqual([made, json]);
  expect(withRule([made, json], { ...json, include: false })).toEqual([{ ...json, include: false }, made]);
});

test("a frame offers its package and its file, as what they are not yet", () => {
  const library = { path: "/lib/json/decoder.py", module: "json.decoder", subtle: true };
  expect(ruleOffers(library)).toEqual([
    { name: "json", rule: { module: "json", include: true } },
    { name: "decoder.py", rule: { path: "/lib/json/decoder.py", include: true } },
  ]);
  const own = { path: "/w/app.py", module: "__main__", subtle: false };
  expect(ruleOffers(own)).toEqual([{ name: "app.py", rule: { path: "/w/app.py", include: false } }]);
  expect(ruleOffers({ path: "<made>", module: null, subtle: false })).toEqual([]);
  expect(ruleOffers({ path: "/w/a*.py", module: null, subtle: false })).toEqual([]);
});

test("choices are asked of the program with all that they change, and nothing else", async () => {
  const rules = [{ module: "json", include: true }];
  const { hub, model } = await openModel([{ ...RUNNING, options: { justMyCode: true, stopPolicy: "thread", rules } }]);
  const asked = async (work: () => void) => {
    work();
    await settled();
    const { session, command, args } = hub.asked.at(-1) ?? {};
    expect([session, command]).toEqual([1, "ikpdb/options"]);
    return args;
  };
  expect(await asked(() => model.options.toggleJustMyCode())).toEqual({ justMyCode: false });
  expect(await asked(() => model.options.toggleStopPolicy())).toEqual({ stopPolicy: "all" });
  const rule = { path: "/w/made.py", include: false };
  expect(await asked(() => model.options.addRule(rule))).toEqual({ rules: [rule, ...rules] });
  expect(await asked(() => model.options.forgetRules())).toEqual({ rules: [] });
});
