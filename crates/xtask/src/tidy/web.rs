//! Which folder of the web UI may import which: panels, model, debugger, socket, to the right only.

use super::Problem;
use super::source::SourceFile;

/// From left to right; a file imports from its own folder and those after it.
const LAYERS: [&str; 4] = ["panels", "model", "debugger", "socket"];

/// Packages that only panels may import: what draws.
const DRAWING: [&str; 6] = ["solid-js", "@codemirror/", "@lezer/", "@xterm/", "dockview", "uplot"];

pub(crate) fn check(files: &[SourceFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.has_extension(&["ts", "tsx"])) {
        let Some(layer) = layer_of(&file.path) else { continue };
        for (index, line) in file.text.lines().enumerate() {
            let Some(from) = imported(line) else { continue };
            let place = format!("{}:{}", file.path, index + 1);
            if layer > 0 && DRAWING.iter().any(|package| from.starts_with(package)) {
                problems.push(Problem::Error(format!("{place}: `{from}` is for panels only")));
            }
            let target = resolve(&file.path, from).and_then(|path| layer_of(&path));
            if target.is_some_and(|target| target < layer) {
                problems.push(Problem::Error(format!("{place}: {} must not import `{from}`", LAYERS[layer])));
            }
        }
    }
    problems
}

fn layer_of(path: &str) -> Option<usize> {
    let folder = path.strip_prefix("web/src/")?.split('/').next()?;
    LAYERS.iter().position(|layer| *layer == folder)
}

/// What an `import … from "x"`, `export … from "x"`, `import "x"` or `import("x")` names.
fn imported(line: &str) -> Option<&str> {
    let line = line.trim();
    let after = [" from ", "import(", "import "].iter().find_map(|word| {
        let at = line.find(word)?;
        (*word == " from " || line.starts_with("import") || line.contains("import(")).then(|| &line[at + word.len()..])
    })?;
    let quote = after.trim_start().chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    after.trim_start()[1..].split(quote).next()
}

fn resolve(importer: &str, from: &str) -> Option<String> {
    if !from.starts_with('.') {
        return None;
    }
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in from.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::source::file;
    use super::*;

    #[test]
    fn imports_go_to_the_right_only() {
        let good = file("web/src/panels/a.tsx", "import { x } from \"../model/state\";\nimport \"solid-js\";\n");
        assert_eq!(check(&[good]), []);
        let bad = file("web/src/debugger/dap.ts", "import type { State } from \"../model/state\";\n");
        assert_eq!(check(&[bad]).len(), 1);
        let lazy = file("web/src/socket/a.ts", "const x = await import(\"../debugger/contract\");\n");
        assert_eq!(check(&[lazy]).len(), 1);
        let closing = file("web/src/socket/a.ts", "} from '../panels/x';\n");
        assert_eq!(check(&[closing]).len(), 1);
    }

    #[test]
    fn only_panels_draw() {
        let model = file("web/src/model/a.ts", "import { createStore } from \"solid-js/store\";\n");
        assert_eq!(check(&[model]).len(), 1);
        let main = file("web/src/main.tsx", "import { render } from \"solid-js/web\";\n");
        assert_eq!(check(&[main]), []);
    }
}
