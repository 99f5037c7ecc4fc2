// Colours of the source by class names, so that they live in the style sheet with the other tokens.

import { syntaxHighlighting } from "@codemirror/language";
import { tags as t, tagHighlighter } from "@lezer/highlight";

const highlighter = tagHighlighter([
  {
    tag: [t.keyword, t.controlKeyword, t.operatorKeyword, t.definitionKeyword, t.moduleKeyword, t.bool, t.null, t.self],
    class: "tok-k",
  },
  { tag: [t.string, t.special(t.string), t.docString, t.character], class: "tok-s" },
  { tag: [t.number, t.integer, t.float], class: "tok-n" },
  {
    tag: [t.function(t.variableName), t.function(t.definition(t.variableName)), t.function(t.propertyName)],
    class: "tok-f",
  },
  { tag: [t.meta, t.annotation, t.modifier], class: "tok-d" },
  { tag: [t.className, t.definition(t.className), t.typeName, t.standard(t.variableName)], class: "tok-b" },
  { tag: [t.operator, t.punctuation, t.bracket, t.separator, t.derefOperator], class: "tok-o" },
  { tag: [t.comment, t.lineComment, t.blockComment], class: "tok-c" },
]);

export const highlighting = syntaxHighlighting(highlighter);
