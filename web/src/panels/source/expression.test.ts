import { python } from "@codemirror/lang-python";
import { ensureSyntaxTree } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { expect, test } from "vitest";
import { expressionAt, functionAround, namesByLine } from "./expression";

function parse(doc: string): EditorState {
  const state = EditorState.create({ doc, extensions: [python()] });
  ensureSyntaxTree(state, doc.length, 5000);
  return state;
}

/** What the pointer finds at the `|` in the text. */
function at(text: string): string | null {
  const position = text.indexOf("|");
  return expressionAt(parse(text.replace("|", "")), position)?.text ?? null;
}

test("a name, an attribute with what is before it, and a subscript can be evaluated", () => {
  expect(at("total = pri|ce * 2")).toBe("price");
  expect(at("x = self.item.na|me")).toBe("self.item.name");
  expect(at("x = self.it|em.name")).toBe("self.item");
  expect(at("x = rows[0].na|me")).toBe("rows[0].name");
  expect(at("f'{na|me}'")).toBe("name");
});

test("nothing that would run code or is no value can be", () => {
  expect(at("x = load().na|me")).toBeNull();
  expect(at("x = rows[next(i)].na|me")).toBeNull();
  expect(at("de|f f(): pass")).toBeNull();
  expect(at("def f|oo(): pass")).toBeNull();
  expect(at("x = 'te|xt'")).toBeNull();
  expect(at("x = 1  # na|me")).toBeNull();
  expect(at("   |  ")).toBeNull();
});

const FUNCTION = `def other():
    hidden = 1

def f(a, *rest, key=1):
    b = c = a
    x, (y, z) = rest
    x += 1
    for i in range(3):
        with open(a) as handle:
            if (n := i) > 1:
                print(b, x)
    done = True
`;

test("the names that a line binds are shown at it, down to the stopped line, where all that it uses are", () => {
  const names = namesByLine(parse(FUNCTION), 11);
  expect(names.get(2)).toBeUndefined();
  expect(names.get(4)).toEqual(["a", "rest", "key"]);
  expect(names.get(5)).toEqual(["b", "c"]);
  expect(names.get(6)).toEqual(["x", "y", "z"]);
  expect(names.get(7)).toEqual(["x"]);
  expect(names.get(8)).toEqual(["i"]);
  expect(names.get(9)).toEqual(["handle"]);
  expect(names.get(10)).toEqual(["n"]);
  expect(names.get(11)).toEqual(["print", "b", "x"]);
  expect(names.get(12)).toBeUndefined();
});

test("a line outside of any function belongs to the module, and a line that does not exist to nothing", () => {
  const state = parse("a = 1\nb = a\n");
  expect(functionAround(state, 0).name).toBe("");
  expect(namesByLine(state, 2)).toEqual(
    new Map([
      [1, ["a"]],
      [2, ["b", "a"]],
    ]),
  );
  expect(namesByLine(state, 99).size).toBe(0);
});
