//! What is looked at while the program is stopped: threads, frames, scopes, variables, evaluation, exceptions.

use super::Source;
use crate::ids::ThreadId;

wire! {
    /// A thread.
    pub struct Thread {
        /// Its id.
        pub id: ThreadId,
        /// Its name.
        pub name: String,
    }

    /// Answer of `threads`.
    pub struct ThreadsBody {
        /// All threads that run or ran Python code.
        pub threads: Vec<Thread>,
    }

    /// `stackTrace`.
    pub struct StackTraceArguments {
        /// Of which thread.
        pub thread_id: ThreadId,
        /// Index of the first frame wanted, 0 = innermost.
        pub start_frame: Option<u32>,
        /// How many; 0 or absent = all.
        pub levels: Option<u32>,
    }

    /// Answer of `stackTrace`.
    pub struct StackTraceBody {
        /// The frames, innermost first.
        pub stack_frames: Vec<StackFrame>,
        /// How many there are in all.
        pub total_frames: Option<u32>,
    }

    /// A stack frame.
    #[derive(Default)]
    pub struct StackFrame {
        /// Its id, valid for this stop.
        pub id: i32,
        /// Name of the function, qualified.
        pub name: String,
        /// Where its code comes from.
        pub source: Option<Source>,
        /// The line that it executes.
        pub line: u32,
        /// The column of the expression that it executes; 0 if not known.
        pub column: u32,
        /// End of that expression.
        pub end_line: Option<u32>,
        /// End of that expression.
        pub end_column: Option<u32>,
        /// Name of the module.
        pub module_id: Option<String>,
        /// `subtle` for library code.
        pub presentation_hint: Option<String>,
    }

    /// `scopes`.
    pub struct ScopesArguments {
        /// Of which frame.
        pub frame_id: i32,
    }

    /// Answer of `scopes`.
    pub struct ScopesBody {
        /// The scopes.
        pub scopes: Vec<Scope>,
    }

    /// A named set of variables.
    #[derive(Default)]
    pub struct Scope {
        /// "Locals", "Globals", …
        pub name: String,
        /// `arguments`, `locals`, `registers`, `returnValue`, `globals`.
        pub presentation_hint: Option<String>,
        /// For `variables`, valid for this stop.
        pub variables_reference: i32,
        /// How many named variables.
        pub named_variables: Option<u32>,
        /// How many indexed variables.
        pub indexed_variables: Option<u32>,
        /// Do not fetch unless asked.
        pub expensive: bool,
    }

    /// `variables`.
    pub struct VariablesArguments {
        /// Of what.
        pub variables_reference: i32,
        /// `indexed` or `named`; both if absent.
        pub filter: Option<String>,
        /// Index of the first child wanted.
        pub start: Option<u32>,
        /// How many; 0 or absent = all.
        pub count: Option<u32>,
    }

    /// Answer of `variables`.
    pub struct VariablesBody {
        /// The children.
        pub variables: Vec<Variable>,
    }

    /// A variable.
    #[derive(Default)]
    pub struct Variable {
        /// Its name: an identifier, an index, or the rendering of a key.
        pub name: String,
        /// Its value as text, bounded.
        pub value: String,
        /// The name of its type.
        #[serde(rename = "type")]
        pub type_: Option<String>,
        /// How to show it.
        pub presentation_hint: Option<VariablePresentationHint>,
        /// An expression that evaluates to it in its frame.
        pub evaluate_name: Option<String>,
        /// Above 0: it has children; valid for this stop.
        pub variables_reference: i32,
        /// How many named children.
        pub named_variables: Option<u32>,
        /// How many indexed children.
        pub indexed_variables: Option<u32>,
    }

    /// How to show a variable.
    #[derive(Default)]
    pub struct VariablePresentationHint {
        /// `property`, `method`, `class`, `data`, `virtual`, …
        pub kind: Option<String>,
        /// `readOnly`, `rawString`, `failedEvaluation`, …
        pub attributes: Option<Vec<String>>,
        /// `public`, `private`, `protected`, `internal`.
        pub visibility: Option<String>,
        /// The value is fetched only when the user asks.
        pub lazy: Option<bool>,
    }

    /// `setVariable`.
    pub struct SetVariableArguments {
        /// The variable's container.
        pub variables_reference: i32,
        /// The variable's name there.
        pub name: String,
        /// An expression.
        pub value: String,
    }

    /// Answer of `setVariable`.
    pub struct SetVariableBody {
        /// The new value.
        pub value: String,
        /// The name of its type.
        #[serde(rename = "type")]
        pub type_: Option<String>,
        /// Above 0: it has children.
        pub variables_reference: Option<i32>,
        /// How many named children.
        pub named_variables: Option<u32>,
        /// How many indexed children.
        pub indexed_variables: Option<u32>,
    }

    /// `evaluate`.
    #[derive(Default)]
    pub struct EvaluateArguments {
        /// What to evaluate.
        pub expression: String,
        /// In which frame; absent = globals of `__main__`.
        pub frame_id: Option<i32>,
        /// `watch`, `repl`, `hover`, `clipboard`, `variables`.
        pub context: Option<String>,
    }

    /// Answer of `evaluate`.
    #[derive(Default)]
    pub struct EvaluateBody {
        /// The value as text; empty for a statement.
        pub result: String,
        /// The name of its type.
        #[serde(rename = "type")]
        pub type_: Option<String>,
        /// How to show it.
        pub presentation_hint: Option<VariablePresentationHint>,
        /// Above 0: it has children.
        pub variables_reference: i32,
        /// How many named children.
        pub named_variables: Option<u32>,
        /// How many indexed children.
        pub indexed_variables: Option<u32>,
        /// Ours: the evaluation waited for other threads, and they ran meanwhile.
        pub ikpdb_others_ran: Option<bool>,
    }

    /// `exceptionInfo`.
    pub struct ExceptionInfoArguments {
        /// Of which thread.
        pub thread_id: ThreadId,
    }

    /// Answer of `exceptionInfo`.
    #[derive(Default)]
    pub struct ExceptionInfoBody {
        /// The full name of its type.
        pub exception_id: String,
        /// Its message.
        pub description: Option<String>,
        /// `never`, `always`, `unhandled`, `userUnhandled`.
        pub break_mode: String,
        /// More.
        pub details: Option<ExceptionDetails>,
    }

    /// An exception.
    #[derive(Default)]
    pub struct ExceptionDetails {
        /// Its message.
        pub message: Option<String>,
        /// Short name of its type.
        pub type_name: Option<String>,
        /// Qualified name of its type.
        pub full_type_name: Option<String>,
        /// The formatted traceback.
        pub stack_trace: Option<String>,
        /// Its cause or context, if any.
        pub inner_exception: Option<Vec<ExceptionDetails>>,
        /// Ours: whether the inner one is the `cause` or the `context`.
        pub ikpdb_relation: Option<String>,
        /// Ours: `path:line` where it was raised.
        pub ikpdb_raised_at: Option<Place>,
    }

    /// A line in a file.
    pub struct Place {
        /// The file.
        pub path: String,
        /// The line.
        pub line: u32,
        /// The function.
        pub function: Option<String>,
    }
}
