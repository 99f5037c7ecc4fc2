//! Which exceptions stop the program, as the user has said: filters, each with types or a condition, and DAP's options by type.

use ikpdb_proto::agent::{RAISED, UNCAUGHT, USER_UNHANDLED};
use ikpdb_proto::dap;

/// Which exceptions a rule is about, by what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// All, when they are raised or reach the user's own code.
    Raised,
    /// Those that leave the user's own code.
    UserUnhandled,
    /// Those that nothing takes.
    Uncaught,
    /// None: what this names is left out.
    Never,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) mode: Mode,
    /// The types that it is about; none means all.
    pub(super) types: Vec<TypeName>,
    /// Stops only when this is true, with the exception as `exception`.
    pub(super) condition: Option<String>,
}

/// The name of an exception type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TypeName {
    /// With its module, or the class alone.
    name: String,
    /// All but these.
    negate: bool,
}

/// Reads what the hub said: a rule for each entry, or what is wrong with it.
pub(super) fn read(arguments: &dap::SetExceptionBreakpointsArguments) -> Vec<Result<Rule, String>> {
    let plain = arguments.filters.iter().map(|filter| (filter.as_str(), None));
    let options = arguments.filter_options.iter().flatten();
    let with_options = options.map(|option| (option.filter_id.as_str(), option.condition.as_deref()));
    let by_filter = plain.chain(with_options).map(|(filter, condition)| of_filter(filter, condition));
    let by_type = arguments.exception_options.iter().flatten().map(of_option);
    by_filter.chain(by_type).collect()
}

fn of_filter(filter: &str, condition: Option<&str>) -> Result<Rule, String> {
    let mode = match filter {
        RAISED => Mode::Raised,
        USER_UNHANDLED => Mode::UserUnhandled,
        UNCAUGHT => Mode::Uncaught,
        other => return Err(format!("there is no exception filter '{other}'")),
    };
    let text = condition.map(str::trim).filter(|text| !text.is_empty());
    Ok(match text.map(|text| (text, type_names(text))) {
        None => Rule { mode, types: Vec::new(), condition: None },
        Some((_, Some(types))) => Rule { mode, types, condition: None },
        Some((text, None)) => Rule { mode, types: Vec::new(), condition: Some(text.to_owned()) },
    })
}

fn of_option(option: &dap::ExceptionOptions) -> Result<Rule, String> {
    let mode = match option.break_mode.as_str() {
        "never" => Mode::Never,
        "always" => Mode::Raised,
        "unhandled" => Mode::Uncaught,
        "userUnhandled" => Mode::UserUnhandled,
        other => return Err(format!("there is no break mode '{other}'")),
    };
    // A path leads from a category, such as "Python Exceptions", to types: the last segment names them.
    let last = option.path.iter().flatten().last();
    let types = last.iter().flat_map(|segment| {
        let negate = segment.negate.unwrap_or(false);
        segment.names.iter().map(move |name| TypeName { name: name.trim().to_owned(), negate })
    });
    let is_category = option.path.as_ref().is_some_and(|path| path.len() == 1)
        && last.is_some_and(|segment| segment.names.iter().all(|name| name.contains(' ')));
    Ok(Rule { mode, types: if is_category { Vec::new() } else { types.collect() }, condition: None })
}

/// `ValueError, mypackage.Error, !KeyError`; nothing if the text is anything else, an expression then.
fn type_names(text: &str) -> Option<Vec<TypeName>> {
    let words = text.split([',', ' ', '\n', '\t', '|']).filter(|word| !word.is_empty());
    let types: Option<Vec<TypeName>> = words
        .map(|word| {
            let (negate, name) = word.strip_prefix('!').map_or((false, word), |name| (true, name));
            let is_name = |part: &str| {
                !part.is_empty()
                    && !part.starts_with(|c: char| c.is_ascii_digit())
                    && part.chars().all(|c| c.is_alphanumeric() || c == '_')
                    && !["and", "or", "not", "in", "is", "if", "else", "lambda", "True", "False", "None"]
                        .contains(&part)
            };
            name.split('.').all(is_name).then(|| TypeName { name: name.to_owned(), negate })
        })
        .collect();
    types.filter(|types| !types.is_empty())
}

impl Rule {
    /// Whether it is about an exception whose type and bases have these names, each alone and with its module.
    pub(super) fn is_about(&self, names: &[(String, String)]) -> bool {
        let is = |wanted: &TypeName| names.iter().any(|(name, full)| wanted.name == *name || wanted.name == *full);
        let (without, with): (Vec<&TypeName>, Vec<&TypeName>) = self.types.iter().partition(|it| it.negate);
        (with.is_empty() || with.into_iter().any(is)) && !without.into_iter().any(is)
    }

    /// Whether it names types to stop at.
    pub(super) fn names_types(&self) -> bool {
        self.types.iter().any(|it| !it.negate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(condition: &str) -> Rule {
        of_filter(RAISED, Some(condition)).unwrap()
    }

    fn names(full: &[&str]) -> Vec<(String, String)> {
        full.iter().map(|it| (it.rsplit('.').next().unwrap().to_owned(), (*it).to_owned())).collect()
    }

    #[test]
    fn a_condition_is_a_list_of_types_or_an_expression() {
        let key_error = names(&["KeyError", "LookupError", "Exception"]);
        let own = names(&["app.errors.Own", "ValueError", "Exception"]);
        for (condition, key, mine) in [
            ("", true, true),
            ("KeyError", true, false),
            ("LookupError, ValueError", true, true),
            ("!LookupError", false, true),
            ("Exception !app.errors.Own", true, false),
            ("errors.Own", false, false),
            ("app.errors.Own", false, true),
        ] {
            let rule = rule(condition);
            assert_eq!((rule.is_about(&key_error), rule.is_about(&own)), (key, mine), "{condition}");
        }
        for expression in
            ["exception.errno == 2", "len(exception.args)", "not done", "x and y", "'text' in str(exception)"]
        {
            assert_eq!(rule(expression).condition.as_deref(), Some(expression));
        }
    }

    #[test]
    fn options_name_types_by_the_end_of_their_path() {
        let option = |text: &str| of_option(&serde_json::from_str(text).unwrap());
        let all = option(r#"{"path": [{"names": ["Python Exceptions"]}], "breakMode": "always"}"#).unwrap();
        assert_eq!((all.mode, all.types.len()), (Mode::Raised, 0));
        let one = option(
            r#"{"path": [{"names": ["Python Exceptions"]}, {"names": ["KeyError", "OSError"]}], "breakMode": "never"}"#,
        )
        .unwrap();
        assert_eq!((one.mode, one.names_types(), one.types.len()), (Mode::Never, true, 2));
        assert!(option(r#"{"breakMode": "sometimes"}"#).is_err());
    }

    #[test]
    fn an_unknown_filter_is_refused() {
        assert!(of_filter("everything", None).is_err());
    }
}
